"""Let `import gateway` mean the package and not this folder.

pytest names test modules by their path from the root, so it takes the folder `gateway/` for a
package of that name before the real one, in `src/`, is looked for. The real one, which has a file,
stays where it is imported already: its modules would not know a second one.
"""

import sys

if getattr(sys.modules.get("gateway"), "__file__", None) is None:
    sys.modules.pop("gateway", None)
    import gateway  # noqa: F401 - only for its place in sys.modules
