/* Leaves that outlive the coroutine that has made them. Part of probe.c. */

enum { MOST_KEPT = 16 };

static void *kept[MOST_KEPT];

/* ("keep", (index, name, argument)) */
static int keep(PyObject *arguments)
{
    int index;
    const char *name;
    PyObject *argument;
    if (!PyArg_ParseTuple(arguments, "isO", &index, &name, &argument))
        return AIOXIDE_RAISED;
    kept[index] = leaf_of(name, argument);
    return kept[index] == NULL ? AIOXIDE_RAISED : AIOXIDE_READY;
}

/* ("poll kept", index) */
static int poll_kept(struct body *body, uintptr_t word, PyObject *index)
{
    PyObject *value = NULL;
    struct aioxide_wake wake = {word, NULL, NULL};
    int answer = loop->poll_leaf(kept[PyLong_AsLong(index)], wake, &value);
    if (answer == AIOXIDE_READY)
        Py_XSETREF(body->last, value);
    return answer;
}

/* poll_kept_here(index): from wherever it is called. */
static PyObject *poll_kept_here(PyObject *Py_UNUSED(module), PyObject *index)
{
    PyObject *value = NULL;
    struct aioxide_wake wake = {0, NULL, NULL};
    int answer = loop->poll_leaf(kept[PyLong_AsLong(index)], wake, &value);
    Py_XDECREF(value);
    return answer < 0 ? NULL : PyLong_FromLong(answer);
}

/* drop_kept(index): from wherever it is called. */
static PyObject *drop_kept(PyObject *Py_UNUSED(module), PyObject *index)
{
    void **place = &kept[PyLong_AsLong(index)], *leaf = *place;
    *place = NULL;
    loop->drop_leaf(leaf);
    Py_RETURN_NONE;
}
