//! The enumerations of one byte that events carry. A value that this version does not know becomes
//! the enumeration's own word for that, so that a newer recorder can be read.

/// Defines an enumeration of one byte with the numbers of the format and the words of the views.
macro_rules! byte_enum {
    (
        $(#[$doc:meta])*
        $name:ident, unknown: $unknown:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $number:literal $word:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $number,)*
        }

        impl $name {
            /// Every value, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The value with the number `byte`; a number of a later version is the one for "unknown".
            pub const fn from_byte(byte: u8) -> Self {
                match byte {
                    $($number => Self::$variant,)*
                    _ => Self::$unknown,
                }
            }

            /// The word that the views and the JSON messages use.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The value with the word `word`.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|each| each.word() == word)
            }
        }
    };
}

byte_enum! {
    /// What kind of event it is: the low byte of its second word.
    Kind, unknown: Unknown {
        /// Of a later version, or no event at all.
        Unknown = 0 "unknown",
        /// The end of an iteration's poll.
        Iteration = 1 "iteration",
        /// The end of a task's step.
        Step = 2 "step",
        /// The end of a callback.
        Callback = 3 "callback",
        /// A task was created.
        TaskCreated = 4 "task-created",
        /// A task was put into the ready queue.
        Woken = 5 "woken",
        /// Somebody called `cancel()` of a task.
        CancelRequested = 6 "cancel-requested",
        /// What a transport received and sent since the event before.
        Bytes = 7 "bytes",
        /// The loop begins a poll that waits.
        PollWait = 8 "poll-wait",
        /// A mark that the program set.
        Mark = 9 "mark",
        /// A lock, queue or other object that tasks wait for was created or first waited for.
        ObjectCreated = 10 "object-created",
    }
}

byte_enum! {
    /// How a step of a task ended.
    Outcome, unknown: Waiting {
        /// The task waits for something.
        Waiting = 0 "waiting",
        /// It gave way and is ready again: `await asyncio.sleep(0)`.
        Yielded = 1 "yielded",
        /// It returned.
        Done = 2 "done",
        /// It raised an exception.
        Failed = 3 "failed",
        /// It was cancelled.
        Cancelled = 4 "cancelled",
    }
}

byte_enum! {
    /// What a task waits for.
    WaitKind, unknown: Unknown {
        /// Not known, or of a later version.
        Unknown = 0 "unknown",
        /// `asyncio.sleep()`.
        Sleep = 1 "sleep",
        /// A plain future.
        Future = 2 "future",
        /// Another task.
        Task = 3 "task",
        /// `asyncio.gather()` or `asyncio.wait()`.
        Gather = 4 "gather",
        /// `Lock.acquire()`.
        Lock = 5 "lock",
        /// `Event.wait()`.
        Event = 6 "event",
        /// `Condition.wait()`.
        Condition = 7 "condition",
        /// `Semaphore.acquire()`.
        Semaphore = 8 "semaphore",
        /// `Barrier.wait()`.
        Barrier = 9 "barrier",
        /// `Queue.get()`.
        QueueGet = 10 "queue get",
        /// `Queue.put()`.
        QueuePut = 11 "queue put",
        /// `Queue.join()`.
        QueueJoin = 12 "queue join",
        /// Data from a stream or a socket.
        Read = 13 "read",
        /// Room to write: `drain()`.
        Write = 14 "write",
        /// A connection that is being made.
        Connect = 15 "connect",
        /// A connection that somebody else makes.
        Accept = 16 "accept",
        /// A thread: `to_thread()` or `run_in_executor()`.
        Thread = 17 "thread",
        /// A child process.
        Process = 18 "process",
        /// `getaddrinfo()` or `getnameinfo()`.
        NameResolution = 19 "name resolution",
        /// A future of Rust.
        RustFuture = 20 "rust future",
        /// A future of another library.
        ForeignFuture = 21 "foreign future",
        /// The end of a `TaskGroup`.
        TaskGroup = 22 "task group",
        /// `asyncio.timeout()` or `wait_for()`.
        Timeout = 23 "timeout",
    }
}

byte_enum! {
    /// What kind of item of the ready queue a callback was.
    ItemKind, unknown: Other {
        /// Anything else, or of a later version.
        Other = 0 "other",
        /// `call_soon()` and `call_soon_threadsafe()`.
        Handle = 1 "handle",
        /// `call_later()` and `call_at()`.
        Timer = 2 "timer",
        /// A transport or a watched descriptor became readable or writable.
        SocketEvent = 3 "socket event",
        /// A listening socket has connections.
        Accept = 4 "accept",
        /// A signal's handler.
        Signal = 5 "signal",
        /// The result of a thread's job.
        ThreadResult = 6 "thread result",
        /// A done-callback of a future.
        FutureCallback = 7 "future callback",
        /// A child process ended.
        Child = 8 "child",
        /// A future of Rust was polled.
        RustFuture = 9 "rust future",
    }
}

byte_enum! {
    /// What made a task ready.
    WakerKind, unknown: Other {
        /// Anything else, or of a later version.
        Other = 0 "other",
        /// Another task's step.
        Task = 1 "task",
        /// A callback.
        Callback = 2 "callback",
        /// A timer.
        Timer = 3 "timer",
        /// A descriptor that became ready.
        Descriptor = 4 "descriptor",
        /// A thread.
        Thread = 5 "thread",
        /// A signal.
        Signal = 6 "signal",
    }
}

byte_enum! {
    /// What kind of object tasks wait for.
    ObjectKind, unknown: Other {
        /// Anything else, or of a later version.
        Other = 0 "other",
        /// `asyncio.Lock`.
        Lock = 1 "lock",
        /// `asyncio.Event`.
        Event = 2 "event",
        /// `asyncio.Condition`.
        Condition = 3 "condition",
        /// `asyncio.Semaphore` and `BoundedSemaphore`.
        Semaphore = 4 "semaphore",
        /// `asyncio.Barrier`.
        Barrier = 5 "barrier",
        /// `asyncio.Queue` and those derived from it.
        Queue = 6 "queue",
        /// `asyncio.Future`.
        Future = 7 "future",
        /// `asyncio.TaskGroup`.
        TaskGroup = 8 "task group",
        /// A transport.
        Transport = 9 "transport",
        /// A job of a thread.
        ThreadJob = 10 "thread job",
        /// A child process.
        Process = 11 "process",
        /// A listening socket of a server.
        Server = 12 "server",
    }
}
