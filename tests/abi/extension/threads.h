/* Threads that never have the GIL, and wake. Part of probe.c. */

enum { MOST_THREADS = 64, MOST_WORDS = 4096 };

static pthread_t threads[MOST_THREADS];
static uintptr_t words[MOST_WORDS];
static size_t thread_count, word_count;
static atomic_int stopping;

static void *keep_waking(void *Py_UNUSED(nothing))
{
    while (!atomic_load(&stopping))
        for (size_t each = 0; each < word_count; each++)
            loop->wake(words[each]);
    return NULL;
}

/* wake(word) */
static PyObject *wake(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *word;
    if (!PyArg_ParseTuple(args, "O", &word))
        return NULL;
    size_t number = PyLong_AsSize_t(word);
    if (PyErr_Occurred())
        return NULL;
    loop->wake(number);
    Py_RETURN_NONE;
}

/* start_waking(words, threads): they run until stop_waking(), or until the process ends. */
static PyObject *start_waking(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *given;
    int wanted;
    if (!PyArg_ParseTuple(args, "O!i", &PyTuple_Type, &given, &wanted))
        return NULL;
    if (wanted > MOST_THREADS || PyTuple_Size(given) > MOST_WORDS || thread_count != 0)
        return PyErr_Format(PyExc_ValueError, "too many, or they run");
    atomic_store(&stopping, 0);
    for (word_count = 0; word_count < (size_t)PyTuple_Size(given); word_count++)
        words[word_count] = PyLong_AsSize_t(PyTuple_GetItem(given, word_count));
    while (thread_count < (size_t)wanted
           && pthread_create(&threads[thread_count], NULL, keep_waking, NULL) == 0)
        thread_count++;
    return PyLong_FromSize_t(thread_count);
}

static PyObject *stop_waking(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    atomic_store(&stopping, 1);
    Py_BEGIN_ALLOW_THREADS
    while (thread_count > 0)
        pthread_join(threads[--thread_count], NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}
