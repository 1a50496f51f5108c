"""The files that `qmodel init` writes: with comments, and right as they are."""

from __future__ import annotations

from importlib.resources import files

from qmodel._checked import checked
from qmodel._nearest import did_you_mean
from qmodel.errors import ModelFileError

__all__ = ["TEMPLATES", "template"]

TEMPLATES = ("web", "microservices", "queue", "cache", "cdn")


@checked
def template(name: str) -> str:
    """Return the text of a model file to begin with.

    Parameters
    ----------
    name : str
        "web", "microservices", "queue", "cache" or "cdn". [-]

    Returns
    -------
    str
        The text, in YAML. [-]

    Raises
    ------
    ModelFileError
        If there is no such template.

    Examples
    --------
    >>> print(template("queue").splitlines()[0])
    # Agents who answer calls. Edit the numbers, then ask:  qmodel solve site.yaml
    """
    if name not in TEMPLATES:
        raise ModelFileError(f"no template {name!r}{did_you_mean(name, TEMPLATES)}")
    folder = files("qmodel.files") / "templates"
    return (folder / f"{name}.yaml").read_text(encoding="utf-8")
