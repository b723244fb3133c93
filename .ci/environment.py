"""Makes sure that the virtual environment is whole and is the one that constraints.txt describes.

    python3 .ci/environment.py FOLDER (--editable REQUIREMENT | --file FILE) --constraints FILE [--hashed FILE...]

An environment that is whole costs one look at its files: pip is not called and the network is not touched. One that
is half-made, damaged, moved or made by another Python is made anew. Only the standard library is used.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

STAMP = "zscope-stamp.json"

# Run by the environment's own Python: the first file that is missing or of another size than its package recorded.
LOOK = """
import importlib.metadata, os, sys
for distribution in importlib.metadata.distributions():
    files = distribution.files
    if not files:
        sys.exit(f"{distribution.name} has no record of its files")
    for file in files:
        if file.suffix != ".pyc" and "__pycache__" not in file.parts:
            path = str(file.locate())
            try:
                size = os.stat(path).st_size
            except OSError:
                sys.exit(f"{path} is missing")
            if file.size is not None and file.size != size:
                sys.exit(f"{path} is damaged")
print(sys.prefix, "%d.%d.%d" % sys.version_info[:3], sep="\\n")
"""


def python_of(folder: Path) -> Path:
    """Return the environment's Python."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def clean_environment(constraints: Path | None) -> dict[str, str]:
    """Return the variables for pip: those that would lead it out of the environment are left out."""
    away = ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "VIRTUAL_ENV")
    variables = {name: value for name, value in os.environ.items() if name not in away}
    if constraints is not None:
        # The packages that build zscope itself are pinned too; pip asks for that under two names, by its age.
        variables["PIP_CONSTRAINT"] = variables["PIP_BUILD_CONSTRAINT"] = str(constraints)
    return variables


def digest(files: list[Path], requirements: list[str]) -> str:
    """Return what changes when another environment is asked for."""
    text = hashlib.sha256(json.dumps(requirements).encode())
    for file in files:
        text.update(file.read_bytes())
    return text.hexdigest()


def what_is_wrong(folder: Path, python: str | None) -> str | None:
    """Say why an environment cannot be used as it is, or None where it can."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        place, version = stamp["place"], stamp["python"]
    except (OSError, ValueError, KeyError, TypeError):
        return "was not finished"
    if place != str(folder.resolve()):
        return "was moved from " + place
    if python is not None and version != python:
        return f"is of Python {version}, not {python}"
    try:
        look = subprocess.run(
            [str(python_of(folder)), "-I", "-c", LOOK], capture_output=True, text=True, env=clean_environment(None)
        )
    except OSError as error:
        return f"does not run ({error.strerror or error})"
    if look.returncode:
        return "is damaged: " + (look.stderr.strip() or "it does not run").splitlines()[-1]
    if look.stdout.split("\n")[:2] != [str(folder.resolve()), version]:
        return "is of another Python or place than when it was made"
    return None


def remove(folder: Path) -> None:
    """Remove whatever has the folder's name; of a link only the link."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def make(folder: Path) -> None:
    """Make an empty environment."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit(
            f"{sys.executable} has no module venv: install it (Debian and Ubuntu: the package python3-venv), "
            "or name another Python, as in `make PYTHON=python3.12`"
        )
    print("making the virtual environment", folder, "with", sys.executable, flush=True)
    if subprocess.run([sys.executable, "-m", "venv", str(folder)], env=clean_environment(None)).returncode:
        sys.exit(f"{sys.executable} -m venv {folder} failed")


def install(folder: Path, requirements: list[str], constraints: Path) -> None:
    """Let pip install what the environment lacks."""
    print("installing", *requirements, "as", constraints, "pins it (a few minutes the first time)", flush=True)
    command = [str(python_of(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "-c", str(constraints), *requirements], env=clean_environment(constraints))
    if done.returncode:
        sys.exit("pip could not install the packages (see above); the next `make` begins anew")


def main() -> None:
    """Bring the environment into the state that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--editable", help="a requirement that is installed in place")
    what.add_argument("--file", help="a file of requirements")
    parser.add_argument("--constraints", type=Path, required=True, help="the file that pins every version")
    parser.add_argument("--hashed", type=Path, nargs="*", default=[], help="files whose change asks for a new look")
    parser.add_argument("--same-python", action="store_true", help="make anew what another Python made")
    given = parser.parse_args()
    requirements = ["-e", given.editable] if given.editable else ["-r", given.file]
    wanted = digest([given.constraints, *given.hashed], requirements)
    stamp = given.folder / STAMP
    own = ".".join(map(str, sys.version_info[:3]))
    wrong = what_is_wrong(given.folder, own if given.same_python else None)
    if wrong is None and json.loads(stamp.read_text(encoding="utf-8"))["digest"] == wanted:
        return
    if wrong is not None:
        if os.path.lexists(given.folder):
            print(f"{given.folder} {wrong}: it is made anew", flush=True)
        remove(given.folder)
        make(given.folder)
    stamp.unlink(missing_ok=True)  # an installation that is interrupted from here on leaves no stamp
    install(given.folder, requirements, given.constraints)
    version = subprocess.run(
        [str(python_of(given.folder)), "-I", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    content = {"digest": wanted, "place": str(given.folder.resolve()), "python": version}
    temporary = stamp.with_suffix(".tmp")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    temporary.replace(stamp)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; the next `make` begins anew")
