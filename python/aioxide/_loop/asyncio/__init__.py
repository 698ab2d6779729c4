"""Methods that block the loop for a moment, in files with asyncio's names.

asyncio reads a pipe when it starts a process and looks at the file of a Unix socket. Programs that
detect blocking calls (blockbuster) allow this by the end of the file's name and the name of the
function: ``asyncio/base_events.py``, ``asyncio/unix_events.py``. So ours are recognised, too.
"""
