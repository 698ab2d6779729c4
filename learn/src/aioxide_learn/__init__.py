"""Learn asyncio: chapters, flashcards with spaced repetition, and labs that are run.

The program is itself an asyncio program: its web server runs on aioxide's event loop.
"""

__version__ = "0.1.0"
