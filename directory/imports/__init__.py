"""Tables of people brought on record: first a plan, which is shown, then exactly that plan at once.

``read_endpoints(data, name)`` gives rows; ``plan_endpoints(rows, stored, day)`` is pure and says what
would be added, changed (field, from, to) and left alone, and every problem with line and column;
``apply_endpoints`` makes the plan again inside of the transaction, and carries it out only if it is
the one that was shown. A second import of the same file changes nothing. Blank cells and missing
columns leave alone what is on record. The same for units.
"""

from directory.imports.apply import apply_endpoints, apply_units, preview_endpoints, preview_units
from directory.imports.endpoint_fields import ENDPOINT_FIELDS, read_endpoints
from directory.imports.endpoint_plan import plan_endpoints
from directory.imports.plan import Added, Changed, FieldChange, Plan
from directory.imports.problems import SENTENCES, ImportKind, ImportProblem, Problem
from directory.imports.stored import Stored, load_stored
from directory.imports.unit_plan import UNIT_FIELDS, plan_units, read_units

__all__ = [
    "ENDPOINT_FIELDS",
    "SENTENCES",
    "UNIT_FIELDS",
    "Added",
    "Changed",
    "FieldChange",
    "ImportKind",
    "ImportProblem",
    "Plan",
    "Problem",
    "Stored",
    "apply_endpoints",
    "apply_units",
    "load_stored",
    "plan_endpoints",
    "plan_units",
    "preview_endpoints",
    "preview_units",
    "read_endpoints",
    "read_units",
]
