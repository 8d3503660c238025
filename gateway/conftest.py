"""Let `import gateway` mean the package and not this folder.

pytest names test modules by their path from the root, so it takes the folder `gateway/` for a
package of that name before the real one, in `src/`, is looked for.
"""

import sys

sys.modules.pop("gateway", None)
import gateway  # noqa: E402, F401 - after the line above, and only for its place in sys.modules
