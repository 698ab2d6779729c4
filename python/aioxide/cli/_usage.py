"""What ``aioxide --help`` prints: one screen."""

USAGE = """\
usage: aioxide [OPTION ...] [-m MODULE | -c CODE | FILE | -] [ARG ...]
       aioxide ps | tree | top | completion ...

Run a Python program with aioxide as its asyncio event loop.

  FILE           a script, or a directory or zip file with a __main__.py
  -m MODULE      run a module or package, found on sys.path
  -c CODE        run a program given as a string
  -              read the program from standard input
  ARG ...        arguments of the program: its sys.argv[1:]

  --watch[=MS]   report what blocks the loop for longer than 100 ms, or MS ms
  --http         send the requests of httpx and httpx2 clients by the native
                 HTTP client
  --keep-loops   do not replace other event loops; by default, a program that
                 asks for uvloop, rloop or zuvloop gets aioxide's loop under
                 that name

Look at a program that runs with a console:
  ps [PID]       its tasks; without PID, the processes that have a console
  tree PID       its tasks, each below the one that made it
  top [PID ...]  a live view (needs aioxide-console)
With --json, ps and tree print JSON.

  completion bash|zsh|fish    print a completion script
  -V, --version  print the versions of aioxide and Python, then exit
  -h, --help     print this help, then exit

A file that is called like a command is given as ./ps. Put interpreter options
first: python -X dev -m aioxide FILE
Python processes that the program starts also use aioxide, unless the
environment variable AIOXIDE is 0.
"""
