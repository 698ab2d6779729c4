"""Makes the modules of the benchmark importable, as they are for its scripts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
