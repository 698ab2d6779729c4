/* The C form of crates/aioxide-abi, which says what everything means. */

#ifndef AIOXIDE_LOOP_V1_H
#define AIOXIDE_LOOP_V1_H

#include <Python.h>
#include <stddef.h>
#include <stdint.h>

#define AIOXIDE_CAPSULE "aioxide._aioxide._loop_v1"

enum { AIOXIDE_RAISED = -1, AIOXIDE_PENDING = 0, AIOXIDE_READY = 1 };
enum { AIOXIDE_READABLE = 0, AIOXIDE_WRITABLE = 1 };

struct aioxide_wake {
    uintptr_t data;
    void (*wake)(uintptr_t data);
    void (*drop)(uintptr_t data);
};

struct aioxide_text {
    const char *data;
    size_t length;
};

struct aioxide_definition {
    struct aioxide_text qualname, path, file;
    uint32_t line;
};

struct aioxide_body_table {
    size_t size;
    int (*poll)(void *data, uintptr_t word, PyObject **result);
    int (*poll_elsewhere)(void *data, PyObject **result);
    void (*drop)(void *data);
    int (*traverse)(void *data, visitproc visit, void *argument);
};

struct aioxide_body {
    void *data;
    const struct aioxide_body_table *table;
};

struct aioxide_table {
    size_t size;
    uint32_t major, minor;
    PyObject *(*running_loop)(void);
    PyObject *(*coroutine)(struct aioxide_body body, const struct aioxide_definition *definition,
                           PyObject *owner);
    void (*wake)(uintptr_t word);
    int (*time)(double *seconds);
    void *(*sleep_until)(double deadline);
    void *(*ready)(int descriptor, int direction);
    void *(*await_python)(PyObject *awaitable);
    void *(*in_thread)(void (*call)(uintptr_t data), void (*drop)(uintptr_t data), uintptr_t data);
    int (*poll_leaf)(void *leaf, struct aioxide_wake wake, PyObject **result);
    void (*drop_leaf)(void *leaf);
    void *(*hold)(PyObject *object);
    PyObject *(*held)(void *held);
    void (*drop_held)(void *held);
    PyObject *(*spawn)(PyObject *coroutine);
};

#endif
