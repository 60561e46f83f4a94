"""Follows what we tell others to do on their machines of continuous integration, in a Debian that has nothing of ours:
`README.md`'s "In CI", the steps of the workflow's job of tests, and the recipe of the image. `cargo xtask dist
--clean-root` starts it, as root:

    follow.py ROOT.tar ARCHIVES SCRATCH
"""

import os
import re
import shutil
import stat
import subprocess
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(PROJECT, "tests", "peers"))
from cases import Cases, ensure, equal  # noqa: E402

RECIPES = os.path.join(PROJECT, "fixtures", "ci")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 600  # seconds, for one step; most of it is apt-get's
# Linux's numbers (Documentation/admin-guide/devices.txt).
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
# The first machine's step, done to get here.
BUILDING = "cargo xtask dist"


class Root:
    """A machine of its own: files, processes and environment; the network is this one's."""

    def __init__(self, archive, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
        for name, (major, minor) in DEVICES.items():
            path = self.path(f"/dev/{name}")
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
            os.chmod(path, 0o666)
        os.symlink("/proc/self/fd", self.path("/dev/fd"))

    def path(self, inside):
        return os.path.join(self.folder, inside.lstrip("/"))

    def bring(self, archives, inside):
        """Puts the folder of archives there, as a download does."""
        shutil.copytree(archives, self.path(inside))

    def run(self, command, cwd, **environment):
        """What a command prints."""
        own = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **environment}
        # Its processes end with it.
        door = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", command]
        return finished([*door, f"--root={self.folder}", f"--wd={cwd}", *shell], env=own)


def finished(command, **options):
    """What a program prints that has to end well."""
    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=PATIENCE,
        **options,
    )
    ensure(ended.returncode == 0, f"ended with {ended.returncode}: {ended.stdout[-2000:]}")
    return ended.stdout


def steps_of_readme():
    """The commands of the section, in order."""
    with open(os.path.join(PROJECT, "README.md"), encoding="utf-8") as file:
        section = re.search(r"^## In CI\n(.*?)^## ", file.read(), re.MULTILINE | re.DOTALL)
    ensure(section, "README.md has no section In CI")
    blocks = re.findall(r"^```console\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)
    return [line[2:].split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def follow_readme(cases, root, archives):
    root.bring(archives, "/root/dist")
    steps = steps_of_readme()
    ensure(steps[:1] == [BUILDING] and len(steps) > 3, f"these steps were found: {steps}")
    for step in steps[1:]:
        with cases.case(step):
            shows_a_device(step, root.run(step, "/root/dist"))
    with cases.case("it is the version that was built"):
        equal(root.run("fauxkey --version", "/").strip(), f"fauxkey {version()}", "the version")
    print(f"with {root.run('ldd --version', '/').splitlines()[0]}")


def shows_a_device(step, printed):
    """fido2-token ends well without any device, too."""
    if "fido2-token -L" in step:
        ensure("/dev/hidraw64" in printed, f"it shows no device: {printed!r}")


def version():
    with open(os.path.join(PROJECT, "Cargo.toml"), encoding="utf-8") as file:
        return re.search(r'^version = "(.+)"$', file.read(), re.MULTILINE)[1]


def follow_workflow(cases, root, archives):
    """GitHub's part is played here: files to fetch, and what a step writes into `GITHUB_PATH`."""
    with open(os.path.join(RECIPES, "github-actions.yml"), encoding="utf-8") as file:
        workflow = yaml.safe_load(file)
    built = [step.get("run", "") for step in workflow["jobs"]["fauxkey"]["steps"]]
    with cases.case("its first job builds as the README says"):
        ensure(any("xtask dist" in run for run in built), f"its steps are {built}")
    temporary, workspace, paths = "/home/runner/temp", "/home/runner/work", "/home/runner/path"
    for folder in (temporary, workspace):
        os.makedirs(root.path(folder))
    given = {"RUNNER_TEMP": temporary, "GITHUB_WORKSPACE": workspace, "GITHUB_PATH": paths, "CI": "true"}
    for step in workflow["jobs"]["test"]["steps"]:
        name = step.get("name") or step["uses"]
        if step.get("uses", "").startswith("actions/download-artifact@"):
            root.bring(archives, step["with"]["path"].replace("${{ runner.temp }}", temporary))
        elif "run" not in step:
            print(f"skipped {name}: it is GitHub's")
        else:
            with cases.case(name):
                added = []
                if os.path.exists(root.path(paths)):
                    with open(root.path(paths), encoding="utf-8") as file:
                        added = file.read().split()
                path = ":".join([*reversed(added), PATH])
                shows_a_device(step["run"], root.run(step["run"], workspace, **{**given, "PATH": path}))
    with cases.case("the trace that it keeps tells of the device"):
        told = root.run(f"{temporary}/fauxkey/fauxkey trace {temporary}/trace.jsonl", workspace)
        ensure("phone" in told, f"it tells {told!r}")


def build_image(cases, archive, archives, scratch):
    """With buildah, which needs no engine, on our root in place of the one that it would fetch."""
    store = os.path.join(scratch, "images")
    shutil.rmtree(store, ignore_errors=True)
    os.makedirs(store)
    buildah = ["buildah", "--storage-driver", "vfs", "--root", f"{store}/root", "--runroot", f"{store}/run"]
    base, image = "localhost/clean-root", "localhost/fauxkey"
    os.link(archive, os.path.join(store, "root.tar"))
    with open(os.path.join(store, "Base"), "w", encoding="utf-8") as file:
        file.write("FROM scratch\nADD root.tar /\n")
    build = [*buildah, "build", "--isolation", "chroot"]
    finished([*build, "--tag", base, "--file", f"{store}/Base", store])
    with cases.case("builds"):
        recipe = os.path.join(RECIPES, "Containerfile")
        finished([*build, "--build-arg", f"BASE={base}", "--tag", image, "--file", recipe, archives])
    container = finished([*buildah, "from", "--pull-never", image]).split()[-1]
    run = [*buildah, "run", "--isolation", "chroot", container, "--"]
    with cases.case("has the version that was built, on the path of somebody without rights"):
        equal(finished([*run, "fauxkey", "--version"]).strip(), f"fauxkey {version()}", "the version")
        equal(finished([*run, "id", "--user", "--name"]).strip(), "tester", "its user")
    with cases.case("shows a device to a program"):
        listing = ["fido2-token", "-L"]
        shows_a_device(" ".join(listing), finished([*run, "fauxkey", "exec", "--ephemeral", "--", *listing]))
    shutil.rmtree(store)


def main(archive, archives, scratch):
    cases = Cases()
    with cases.group("README"):
        follow_readme(cases, Root(archive, os.path.join(scratch, "readme")), archives)
    with cases.group("workflow"):
        follow_workflow(cases, Root(archive, os.path.join(scratch, "workflow")), archives)
    with cases.group("image"):
        build_image(cases, archive, archives, scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    cases.exit()


if __name__ == "__main__":
    main(*(os.path.abspath(argument) for argument in sys.argv[1:4]))
