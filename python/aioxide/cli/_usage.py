"""What ``aioxide --help`` prints: one screen."""

USAGE = """\
usage: aioxide [OPTION ...] [-m MODULE | -c CODE | FILE | -] [ARG ...]
       aioxide trace | top | ps | tree | completion ...

Run a Python program with aioxide as its asyncio event loop.

  FILE           a script, or a directory or zip file with a __main__.py
  -m MODULE      run a module or package, found on sys.path
  -c CODE        run a program given as a string
  -              read the program from standard input
  ARG ...        arguments of the program: its sys.argv[1:]

  --watch[=MS]   report what blocks the loop for longer than 100 ms, or MS ms
  --record       keep the last events; save them when an exception is unhandled
  --console      let aioxide ps, tree and top look into the program
  --http         use the native HTTP client for httpx and httpx2 clients
  --keep-loops   do not replace the loops of uvloop, rloop and zuvloop, whose
                 programs otherwise get aioxide's under that name

See a program run:
  trace [-o OUT] [OPTION ...] PROGRAM   run it as above and write what its loops
                 did: OUT ends with .html (a page, trace.html by default), .svg,
                 .pftrace (Perfetto), .json (Chrome) or .aiotrace
  trace convert IN OUT                  write a trace in another form
  ps [PID]       tasks of a program that has a console; without PID, those
                 programs
  tree PID       its tasks, each below the one that made it
  top [PID ...]  a live view in the terminal; with --web, in the browser
ps and tree print JSON with --json. top, trace convert and most forms of OUT
need aioxide-console: pip install 'aioxide[console]'

  completion bash|zsh|fish    print a completion script
  -V, --version, -h, --help

A file that is called like a command is given as ./trace. Interpreter options
come first: python -X dev -m aioxide FILE. Python processes that the program
starts also use aioxide, unless the environment variable AIOXIDE is 0.
"""
