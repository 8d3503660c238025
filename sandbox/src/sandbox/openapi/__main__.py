"""`python -m sandbox.openapi [FILE]` writes the document into the gateway's package, or to FILE."""

import json
import sys
from importlib.resources import files
from pathlib import Path

from gateway.openapi.service import FILE_NAME
from sandbox.openapi.platform import openapi_document


def main() -> None:
    if len(sys.argv) > 1:
        path = Path(sys.argv[1])
    else:
        path = Path(str(files("gateway.openapi").joinpath(FILE_NAME)))
    text = json.dumps(openapi_document(), ensure_ascii=False, separators=(",", ":"))
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
