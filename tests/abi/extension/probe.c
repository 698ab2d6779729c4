/* An extension module in C, on nothing but the table of aioxide.
 *
 * Its coroutines are programs: `run(program, dropped=None, owner=None)` makes one of a tuple of
 * operations, each a tuple of a name and an argument. The result is what the last operation that
 * has one ended with. `dropped` is called when the body is dropped.
 *
 * Compiled with MODULE=name and EXTRA=n it is another module whose table of functions has n
 * entries more than the first version, as of a later one.
 */

#define PY_SSIZE_T_CLEAN
#include "loop_v1.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef MODULE
#define MODULE probe
#endif
#ifndef EXTRA
#define EXTRA 0
#endif
#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
#define INIT_OF(name) PyInit_##name
#define INIT(name) INIT_OF(name)

#if PY_VERSION_HEX < 0x030C0000
static PyObject *PyErr_GetRaisedException(void)
{
    PyObject *class, *value, *traceback;
    PyErr_Fetch(&class, &value, &traceback);
    if (class == NULL)
        return NULL;
    PyErr_NormalizeException(&class, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_DECREF(class);
    Py_XDECREF(traceback);
    return value;
}

static void PyErr_SetRaisedException(PyObject *error)
{
    if (error == NULL)
        PyErr_Clear();
    else
        PyErr_Restore(Py_NewRef(Py_TYPE(error)), error, PyException_GetTraceback(error));
}
#endif

static const struct aioxide_table *loop;

/* What exists of each kind, to find what is never let go of. */
static atomic_long bodies, wakes, calls;

struct body {
    PyObject *program;
    Py_ssize_t at;
    PyObject *dropped, *last;
    void *leaf, *held;
    long count;
};

/* A waker with functions. */
struct waker {
    uintptr_t word;
};

static void waker_drop(uintptr_t data)
{
    free((void *)data);
    atomic_fetch_sub(&wakes, 1);
}

static void waker_wake(uintptr_t data)
{
    loop->wake(((struct waker *)data)->word);
    waker_drop(data);
}

static struct aioxide_wake waker_of(uintptr_t word)
{
    struct waker *waker = malloc(sizeof *waker);
    waker->word = word;
    atomic_fetch_add(&wakes, 1);
    return (struct aioxide_wake){(uintptr_t)waker, waker_wake, waker_drop};
}

static void rest(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        continue;
}

static void call_make(uintptr_t data)
{
    rest(*(double *)data);
    free((void *)data);
    atomic_fetch_sub(&calls, 1);
}

static void call_drop(uintptr_t data)
{
    free((void *)data);
    atomic_fetch_sub(&calls, 1);
}

static void *leaf_of(const char *name, PyObject *argument)
{
    double now, seconds;
    int descriptor, direction;
    if (strcmp(name, "sleep") == 0) {
        seconds = PyFloat_AsDouble(argument);
        return PyErr_Occurred() || loop->time(&now) < 0 ? NULL : loop->sleep_until(now + seconds);
    }
    if (strcmp(name, "ready") == 0) {
        if (!PyArg_ParseTuple(argument, "ii", &descriptor, &direction))
            return NULL;
        return loop->ready(descriptor, direction);
    }
    if (strcmp(name, "await") == 0)
        return loop->await_python(argument);
    if (strcmp(name, "thread") == 0) {
        double *data = malloc(sizeof *data);
        *data = PyFloat_AsDouble(argument);
        atomic_fetch_add(&calls, 1);
        return loop->in_thread(call_make, call_drop, (uintptr_t)data);
    }
    PyErr_Format(PyExc_ValueError, "no operation: %s", name);
    return NULL;
}

/* Polls the leaf of an operation, which is made when it is first come to. */
static int poll_leaf(struct body *body, const char *name, PyObject *argument,
                     struct aioxide_wake wake)
{
    PyObject *value = NULL;
    if (body->leaf == NULL && (body->leaf = leaf_of(name, argument)) == NULL) {
        if (wake.drop != NULL)
            wake.drop(wake.data);
        return AIOXIDE_RAISED;
    }
    int answer = loop->poll_leaf(body->leaf, wake, &value);
    if (answer == AIOXIDE_PENDING)
        return answer;
    void *leaf = body->leaf;
    body->leaf = NULL;
    if (answer == AIOXIDE_READY)
        Py_XSETREF(body->last, value);
    PyObject *error = PyErr_GetRaisedException();
    loop->drop_leaf(leaf);
    PyErr_SetRaisedException(error);
    return answer;
}

#include "leaves.h"

static int perform(struct body *body, uintptr_t word, const char *name, PyObject *argument,
                   PyObject **result)
{
    PyObject *value = NULL;
    if (strcmp(name, "return") == 0)
        value = Py_NewRef(argument);
    else if (strcmp(name, "call") == 0)
        value = PyObject_CallNoArgs(argument);
    else if (strcmp(name, "spawn") == 0)
        value = loop->spawn(argument);
    else if (strcmp(name, "word") == 0)
        value = PyLong_FromSize_t(word);
    else if (strcmp(name, "tell") == 0)
        value = PyObject_CallFunction(argument, "n", (Py_ssize_t)word);
    else if (strcmp(name, "hold") == 0) {
        body->held = loop->hold(argument);
        return body->held == NULL ? AIOXIDE_RAISED : AIOXIDE_READY;
    } else if (strcmp(name, "held") == 0)
        value = loop->held(body->held);
    else if (strcmp(name, "time") == 0) {
        double now;
        if (loop->time(&now) == AIOXIDE_READY)
            value = PyFloat_FromDouble(now);
    } else if (strcmp(name, "suspend") == 0) {
        if (body->count == 0)
            body->count = PyLong_AsLong(argument) + 1;
        if (--body->count == 0)
            return AIOXIDE_READY;
        loop->wake(word);
        return AIOXIDE_PENDING;
    } else if (strcmp(name, "forever") == 0)
        return AIOXIDE_PENDING;
    else if (strcmp(name, "keep") == 0)
        return keep(argument);
    else if (strcmp(name, "poll kept") == 0)
        return poll_kept(body, word, argument);
    else if (strcmp(name, "spin") == 0) {
        /* It never yields, and keeps the GIL. */
        rest(PyFloat_AsDouble(argument));
        return AIOXIDE_READY;
    } else if (strcmp(name, "raise") == 0) {
        PyErr_SetObject((PyObject *)Py_TYPE(argument), argument);
        return AIOXIDE_RAISED;
    } else if (strcmp(name, "answer") == 0) {
        /* What no future answers: the end without a result, or an odd number. */
        body->at = PyTuple_GET_SIZE(body->program) + 1;
        return (int)PyLong_AsLong(argument);
    } else if (strcmp(name, "answer with an exception") == 0) {
        PyErr_SetString(PyExc_KeyError, "left");
        *result = Py_NewRef(Py_None);
        body->at = PyTuple_GET_SIZE(body->program) + 1;
        return (int)PyLong_AsLong(argument);
    } else if (strcmp(name, "through a waker") == 0) {
        const char *inner;
        if (!PyArg_ParseTuple(argument, "sO", &inner, &argument))
            return AIOXIDE_RAISED;
        return poll_leaf(body, inner, argument, waker_of(word));
    } else
        return poll_leaf(body, name, argument, (struct aioxide_wake){word, NULL, NULL});
    if (value == NULL)
        return AIOXIDE_RAISED;
    Py_XSETREF(body->last, value);
    return AIOXIDE_READY;
}

static int next(struct body *body, const char **name, PyObject **argument)
{
    if (body->at >= PyTuple_GET_SIZE(body->program))
        return 0;
    PyObject *operation = PyTuple_GET_ITEM(body->program, body->at);
    *argument = Py_None;
    return PyArg_ParseTuple(operation, "s|O", name, argument) ? 1 : -1;
}

static int ended(struct body *body, PyObject **result)
{
    *result = body->last == NULL ? Py_NewRef(Py_None) : Py_NewRef(body->last);
    return AIOXIDE_READY;
}

static int body_poll(void *data, uintptr_t word, PyObject **result)
{
    struct body *body = data;
    const char *name;
    PyObject *argument;
    int more;
    while ((more = next(body, &name, &argument)) > 0) {
        int answer = perform(body, word, name, argument, result);
        if (answer != AIOXIDE_READY || body->at > PyTuple_GET_SIZE(body->program))
            return answer;
        body->at++;
    }
    return more < 0 ? AIOXIDE_RAISED : ended(body, result);
}

/* On another loop there are only these: it awaits futures, and yields. */
static int body_poll_elsewhere(void *data, PyObject **result)
{
    struct body *body = data;
    const char *name;
    PyObject *argument;
    int more;
    while ((more = next(body, &name, &argument)) > 0) {
        if (strcmp(name, "await") == 0 && body->count == 0) {
            body->count = 1;
            *result = Py_NewRef(argument);
            return AIOXIDE_PENDING;
        }
        if (strcmp(name, "suspend") == 0) {
            if (body->count == 0)
                body->count = PyLong_AsLong(argument) + 1;
            if (--body->count > 0)
                return AIOXIDE_PENDING;
        } else if (strcmp(name, "await") != 0) {
            int answer = perform(body, 0, name, argument, result);
            if (answer != AIOXIDE_READY)
                return answer;
        }
        body->count = 0;
        body->at++;
    }
    return more < 0 ? AIOXIDE_RAISED : ended(body, result);
}

static void body_drop(void *data)
{
    struct body *body = data;
    PyObject *dropped = body->dropped;
    if (body->leaf != NULL)
        loop->drop_leaf(body->leaf);
    if (body->held != NULL)
        loop->drop_held(body->held);
    Py_XDECREF(body->last);
    Py_DECREF(body->program);
    free(body);
    atomic_fetch_sub(&bodies, 1);
    if (dropped != NULL) {
        PyObject *error = PyErr_GetRaisedException();
        PyObject *answer = PyObject_CallNoArgs(dropped);
        if (answer == NULL)
            PyErr_WriteUnraisable(dropped);
        Py_XDECREF(answer);
        Py_DECREF(dropped);
        PyErr_SetRaisedException(error);
    }
}

static int body_traverse(void *data, visitproc visit, void *arg)
{
    struct body *body = data;
    Py_VISIT(body->program);
    Py_VISIT(body->dropped);
    Py_VISIT(body->last);
    return 0;
}

static const struct {
    struct aioxide_body_table first;
    void *later[EXTRA + 1];
} BODY = {
    {
        sizeof(struct aioxide_body_table) + EXTRA * sizeof(void *),
        body_poll,
        body_poll_elsewhere,
        body_drop,
        body_traverse,
    },
    {0},
};

#define UTF8(text) {text, sizeof text - 1}
static const struct aioxide_definition DEFINITION = {
    UTF8("Probe.run"), UTF8("probe::Probe::run"), UTF8("src/probe.c"), 42};

static PyObject *make(PyObject *args, const struct aioxide_body_table *table,
                      const struct aioxide_definition *definition)
{
    PyObject *program, *dropped = Py_None, *owner = Py_None;
    if (!PyArg_ParseTuple(args, "O!|OO", &PyTuple_Type, &program, &dropped, &owner))
        return NULL;
    struct body *body = calloc(1, sizeof *body);
    body->program = Py_NewRef(program);
    body->dropped = dropped == Py_None ? NULL : Py_NewRef(dropped);
    atomic_fetch_add(&bodies, 1);
    return loop->coroutine((struct aioxide_body){body, table}, definition,
                           owner == Py_None ? NULL : owner);
}

static PyObject *run(PyObject *Py_UNUSED(module), PyObject *args)
{
    return make(args, &BODY.first, &DEFINITION);
}

#include "misuse.h"
#include "threads.h"

static PyObject *counts(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return Py_BuildValue("(lll)", atomic_load(&bodies), atomic_load(&wakes), atomic_load(&calls));
}

static PyObject *running_loop(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    PyObject *found = loop->running_loop();
    return found == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : found;
}

static PyObject *table(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return Py_BuildValue("(nII)", (Py_ssize_t)loop->size, loop->major, loop->minor);
}

static PyMethodDef METHODS[] = {
    {"run", run, METH_VARARGS, "Make a coroutine of a program."},
    {"counts", counts, METH_NOARGS, "Bodies, wakers and calls that exist."},
    {"running_loop", running_loop, METH_NOARGS, "What the table says of this thread."},
    {"table", table, METH_NOARGS, "Size, major and minor version."},
    {"misuse", misuse, METH_VARARGS, "Break a rule of the contract."},
    {"outside", outside, METH_VARARGS, "Call an entry where there is no turn."},
    {"poll_kept_here", poll_kept_here, METH_O, "Poll a leaf that was kept."},
    {"drop_kept", drop_kept, METH_O, "Drop a leaf that was kept."},
    {"wake", wake, METH_VARARGS, "Wake a word."},
    {"start_waking", start_waking, METH_VARARGS, "Wake words from threads until told to stop."},
    {"stop_waking", stop_waking, METH_NOARGS, "End these threads."},
    {NULL, NULL, 0, NULL},
};

static int start(PyObject *Py_UNUSED(module))
{
    const void *found = PyCapsule_Import(AIOXIDE_CAPSULE, 0);
    if (found == NULL && loop != NULL)
        PyErr_Clear(); /* A sub-interpreter: the table of the main one is here, and refuses. */
    else
        loop = found;
    return loop == NULL ? -1 : 0;
}

static PyModuleDef_Slot SLOTS[] = {
    {Py_mod_exec, start},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef DEFINITION_OF_MODULE = {
    PyModuleDef_HEAD_INIT, TEXT(MODULE), NULL, 0, METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC INIT(MODULE)(void)
{
    return PyModuleDef_Init(&DEFINITION_OF_MODULE);
}
