"""Paths in a served image, which the builder and the program in the image both use."""

from __future__ import annotations

SERVER = "/opt/git-datmo"
SITE = f"{SERVER}/site"
START = f"{SERVER}/start.py"
SERVED = f"{SERVER}/served.json"
SNAPSHOT = "/srv/snapshot"
PORT = 8080
# The oldest Python that the server runs on.
OLDEST = (3, 10)
# A user without a name and without rights, as images without a shell have it.
USER = "65532:65532"
