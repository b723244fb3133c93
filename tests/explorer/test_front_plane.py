import shutil
import subprocess
from pathlib import Path

import pytest

FRONT = Path(__file__).resolve().parents[2] / "src" / "zscope" / "explorer" / "front"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="wants node, which runs the front end's arithmetic without a browser")
def test_arithmetic_of_the_plane(tmp_path):
    shutil.copytree(FRONT, tmp_path / "front")
    shutil.copy(Path(__file__).with_name("front_plane.mjs"), tmp_path / "plane.test.mjs")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    ran = subprocess.run([NODE, "--test", "plane.test.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "# fail 0" in ran.stdout
