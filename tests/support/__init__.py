"""The private node and the lab. What uses them may be any Python: the library of this checkout is found from here."""

import sys
from pathlib import Path

LIBRARY = str(Path(__file__).resolve().parents[2] / "lib")
if LIBRARY not in sys.path:
    sys.path.insert(0, LIBRARY)
