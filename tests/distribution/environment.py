"""An empty environment for Python packages."""

import os
import subprocess
import sys


class Environment:
    """An empty environment for Python packages, and nothing from outside on its paths."""

    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "environment" / "bin" / "python"
        self.variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "AIOXIDE", "VIRTUAL_ENV"))
        }
        self.run(sys.executable, "-m", "venv", folder / "environment")

    def run(self, *command, deadline=60, **variables):
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=deadline,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, path, *options, **variables):
        pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        self.run(*pip, *options, path, deadline=600, **variables)
