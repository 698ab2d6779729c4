/* What breaks the contract. Part of probe.c. */

static const struct aioxide_definition ZERO_BYTE = {
    UTF8("Probe\0run"), UTF8("probe"), UTF8("probe.c"), 1};
static const struct aioxide_definition NOT_UTF8 = {
    UTF8("\xff\xfe"), UTF8("probe"), UTF8("probe.c"), 1};
static const struct aioxide_definition ODD_PLACE = {
    UTF8("run"), UTF8("\xff"), UTF8("a\0b"), UINT32_MAX};
static const struct aioxide_definition NO_TEXT = {{NULL, 3}, UTF8("probe"), UTF8("probe.c"), 1};
static const struct aioxide_definition TOO_LONG = {
    {"run", SIZE_MAX}, UTF8("probe"), UTF8("probe.c"), 1};

static struct aioxide_body_table altered(size_t size, int without)
{
    struct aioxide_body_table table = BODY.first;
    table.size = size;
    if (without == 1)
        table.poll = NULL;
    if (without == 2)
        table.poll_elsewhere = NULL;
    if (without == 4)
        table.traverse = NULL;
    return table;
}

/* misuse(how, *arguments of run): makes a coroutine, or tries to. */
static PyObject *misuse(PyObject *Py_UNUSED(module), PyObject *args)
{
    /* Static: the coroutine may live on. */
    static struct aioxide_body_table shortest, no_poll, no_elsewhere, no_traverse;
    shortest = altered(offsetof(struct aioxide_body_table, traverse), 0);
    no_poll = altered(sizeof shortest, 1);
    no_elsewhere = altered(sizeof shortest, 2);
    no_traverse = altered(sizeof shortest, 4);
    const char *how = PyUnicode_AsUTF8(PyTuple_GetItem(args, 0));
    PyObject *rest = PyTuple_GetSlice(args, 1, PyTuple_Size(args)), *made = NULL;
    if (strcmp(how, "short table") == 0)
        made = make(rest, &shortest, &DEFINITION);
    else if (strcmp(how, "no poll") == 0)
        made = make(rest, &no_poll, &DEFINITION);
    else if (strcmp(how, "no poll elsewhere") == 0)
        made = make(rest, &no_elsewhere, &DEFINITION);
    else if (strcmp(how, "no traverse") == 0)
        made = make(rest, &no_traverse, &DEFINITION);
    else if (strcmp(how, "no definition") == 0)
        made = make(rest, &BODY.first, NULL);
    else if (strcmp(how, "no text") == 0)
        made = make(rest, &BODY.first, &NO_TEXT);
    else if (strcmp(how, "too long") == 0)
        made = make(rest, &BODY.first, &TOO_LONG);
    else if (strcmp(how, "zero byte") == 0)
        made = make(rest, &BODY.first, &ZERO_BYTE);
    else if (strcmp(how, "not UTF-8") == 0)
        made = make(rest, &BODY.first, &NOT_UTF8);
    else if (strcmp(how, "odd place") == 0)
        made = make(rest, &BODY.first, &ODD_PLACE);
    else if (strcmp(how, "no table") == 0)
        made = loop->coroutine((struct aioxide_body){NULL, NULL}, &DEFINITION, NULL);
    else
        PyErr_Format(PyExc_ValueError, "no misuse: %s", how);
    Py_DECREF(rest);
    return made;
}

static PyObject *raised(int answer)
{
    return answer < 0 ? NULL : PyLong_FromLong(answer);
}

static PyObject *handle(void *given)
{
    return given == NULL ? NULL : PyLong_FromVoidPtr(given);
}

/* outside(name, argument=None): calls an entry with right or null arguments, wherever that is. */
static PyObject *outside(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *name;
    PyObject *argument = Py_None, *value = NULL;
    if (!PyArg_ParseTuple(args, "s|O", &name, &argument))
        return NULL;
    struct aioxide_wake nobody = {0, NULL, NULL};
    if (strcmp(name, "time") == 0) {
        double now;
        return raised(loop->time(&now));
    }
    if (strcmp(name, "time into nothing") == 0)
        return raised(loop->time(NULL));
    if (strcmp(name, "sleep_until") == 0)
        return handle(loop->sleep_until(PyFloat_AsDouble(argument)));
    if (strcmp(name, "ready") == 0)
        return handle(loop->ready(0, AIOXIDE_READABLE));
    if (strcmp(name, "await_python") == 0)
        return handle(loop->await_python(argument));
    if (strcmp(name, "await nothing") == 0)
        return handle(loop->await_python(NULL));
    if (strcmp(name, "in_thread") == 0) {
        double *data = calloc(1, sizeof *data);
        atomic_fetch_add(&calls, 1);
        return handle(loop->in_thread(call_make, call_drop, (uintptr_t)data));
    }
    if (strcmp(name, "poll_leaf") == 0)
        return raised(loop->poll_leaf(NULL, nobody, &value));
    if (strcmp(name, "poll_leaf with a waker") == 0)
        return raised(loop->poll_leaf(NULL, waker_of(0), &value));
    if (strcmp(name, "hold") == 0)
        return handle(loop->hold(argument));
    if (strcmp(name, "hold nothing") == 0)
        return handle(loop->hold(NULL));
    if (strcmp(name, "held") == 0)
        return loop->held(NULL);
    if (strcmp(name, "spawn") == 0)
        return loop->spawn(argument);
    if (strcmp(name, "spawn nothing") == 0)
        return loop->spawn(NULL);
    if (strcmp(name, "drop nothing") == 0) {
        loop->drop_leaf(NULL);
        loop->drop_held(NULL);
        Py_RETURN_NONE;
    }
    PyErr_Format(PyExc_ValueError, "no entry: %s", name);
    return NULL;
}
