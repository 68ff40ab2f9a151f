"""How long an `up` in AWS takes beside bare Terraform with the same roots; README.md says what is compared."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("RETAILFLOW_BENCH_ROUNDS", "3"))
GOAL = 1.05
STACK = "bench"
FOUNDATION = (
    "cluster",
    "instance_ids",
    "log_groups",
    "private_ips",
    "secret_arns",
    "security_group_ids",
    "subnet_ids",
)


@contextmanager
def rig(folder: Path) -> Iterator[tuple[dict[str, str], str]]:
    """The offline AWS; gives the environment to work in it, and the login of its registry."""
    command = [sys.executable, "-m", "retailflow_rig.up", "--state-dir", str(folder / "rig")]
    world = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests/rig")}
    with subprocess.Popen(command, env=world, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        content = json.loads(Path(process.stdout.readline().decode().strip()).read_text(encoding="utf-8"))
        function = folder / "function"
        # The head of a program for Linux on x86-64, which is all that anybody looks at here.
        function.write_bytes(b"\x7fELF\x02\x01" + bytes(12) + bytes([62]) + bytes(45))
        with public_registry(folder) as sources:
            world = {
                **os.environ,
                **content["environment"],
                "RETAILFLOW_HOME": str(folder / "home"),
                "RETAILFLOW_FUNCTION": str(function),
                "RETAILFLOW_IMAGES": str(sources),
            }
            yield world, f"{content['registry_user']}:{content['registry_password']}"
        process.stdin.close()


@contextmanager
def public_registry(folder: Path) -> Iterator[Path]:
    """A registry with a small image for each of the stack's; gives the file that names them."""
    config = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}, "level": "info", "formatter": "json"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "public")}},
        "http": {"addr": "127.0.0.1:0", "secret": "benchmark"},
    }
    (folder / "public.yml").write_text(json.dumps(config))
    command = ["docker-registry", "serve", str(folder / "public.yml")]
    with (folder / "public.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            address = listening(folder / "public.log")
            layout = folder / "layout"
            run("umoci", "init", "--layout", layout)
            lines = [publish(name, layout, address) for name in ("postgres", "metabase", "dagster")]
            (folder / "images.toml").write_text("".join(lines))
            yield folder / "images.toml"
        finally:
            process.kill()


def listening(log: Path) -> str:
    """The address a registry says it listens on."""
    for _ in range(500):
        _, said, rest = log.read_text().partition("listening on ")
        if said and '"' in rest:
            return rest.split('"')[0]
        time.sleep(0.01)
    raise RuntimeError(f"the registry did not start:\n{log.read_text()}")


def publish(name: str, layout: Path, address: str) -> str:
    """Makes an image with one file, pushes it, and gives its line for the file of sources."""
    content = layout.with_name(name)
    content.write_text(f"the image of {name}\n" * 1000)
    run("umoci", "new", "--image", f"{layout}:{name}")
    run("umoci", "insert", "--image", f"{layout}:{name}", content, "/etc/name")
    target = f"docker://{address}/library/{name}:1"
    run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:{name}", target)
    digest = run("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", target).strip()
    return f'{name} = "{address}/library/{name}@{digest}"\n'


def run(*command: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Runs a command to its end and gives what it printed."""
    ended = subprocess.run(
        [str(part) for part in command], env=env, cwd=cwd, check=False, text=True, capture_output=True
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{command}: {ended.stderr}")
    return ended.stdout


class Product:
    """`retailflow up` of a plan that was confirmed."""

    def __init__(self, program: str, world: dict[str, str]) -> None:
        self.program, self.world = program, world
        self.folder = Path(world["RETAILFLOW_HOME"]) / "stacks" / STACK

    def say(self, *words: str) -> str:
        """A command of the product."""
        return run(Path(self.program).resolve(), "--stack", STACK, *words, env=self.world)

    def up(self) -> float:
        """Makes the stack; seconds from the first event of the run to its last, the confirmed plan being there."""
        known = ["--target", "aws", "--region", "eu-central-1"] if not self.folder.exists() else []
        self.say("up", "--yes", *known)
        newest = max((self.folder / "runs").iterdir())
        events = [json.loads(line)["at"] for line in (newest / "journal.jsonl").read_text().splitlines()]
        first, last = (datetime.fromisoformat(at[:26].rstrip("Z")) for at in (events[0], events[-1]))
        return (last - first).total_seconds()

    def variables(self, root: str) -> dict[str, object]:
        """What it gave a root."""
        return json.loads((self.folder / "terraform" / root / "terraform.tfvars.json").read_text())


class Bare:
    """Terraform and skopeo as a script would run them: what needs nothing side by side, then the services."""

    def __init__(
        self, folder: Path, world: dict[str, str], login: str, variables: dict[str, dict[str, object]]
    ) -> None:
        self.folder, self.login, self.variables = folder / "bare", login, variables
        self.world = {**world, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        self.layout = folder / "images"

    def keep(self, reference: str) -> None:
        """Takes an image from the stack's registry, to be pushed as it is."""
        source = f"docker://{reference}"
        name = f"oci:{self.layout}:{tag(reference)}"
        run("skopeo", "copy", "--quiet", "--src-tls-verify=false", "--src-creds", self.login, source, name)

    def push(self, reference: str) -> None:
        """Pushes it."""
        target = f"docker://{reference.partition('@')[0]}:{tag(reference)}"
        source = f"oci:{self.layout}:{tag(reference)}"
        run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--dest-creds", self.login, source, target)

    def terraform(self, root: str, *words: str) -> str:
        """A command of Terraform's in a root."""
        return run("terraform", *words, env=self.world, cwd=self.folder / root)

    def prepare(self, root: str) -> None:
        """The root's files and its provider, which the product has by then as well."""
        shutil.copytree(REPOSITORY / "terraform" / root, self.folder / root)
        self.write(root)
        self.terraform(root, "init", "-input=false")

    def write(self, root: str) -> None:
        """The root's variables."""
        (self.folder / root / "terraform.tfvars.json").write_text(json.dumps(self.variables[root]))

    def up(self) -> float:
        """Makes the same resources; seconds, the first two plans being there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for root in ("registry", "foundation", "services"):
            self.prepare(root)
        for root in ("registry", "foundation"):
            self.terraform(root, "plan", "-input=false", "-out=up.tfplan")
        began = time.perf_counter()
        with ThreadPoolExecutor() as side_by_side:
            foundation = side_by_side.submit(self.apply, "foundation")
            self.apply("registry")
            list(side_by_side.map(self.push, self.variables["services"]["images"].values()))
            foundation.result()
        outputs = json.loads(self.terraform("foundation", "output", "-json"))
        self.variables["services"]["foundation"] = {name: outputs[name]["value"] for name in FOUNDATION}
        self.write("services")
        self.terraform("services", "plan", "-input=false", "-out=up.tfplan")
        self.apply("services")
        return time.perf_counter() - began

    def apply(self, root: str) -> None:
        """Applies a root's plan."""
        self.terraform(root, "apply", "-input=false", "up.tfplan")

    def down(self) -> None:
        """Removes all of it."""
        for root in ("services", "foundation", "registry"):
            self.terraform(root, "destroy", "-input=false", "-auto-approve")


def tag(reference: str) -> str:
    """A tag for an image that is known by its digest."""
    return reference.rpartition(":")[2][:12]


def main() -> None:
    """Lets both take turns."""
    seconds: dict[str, list[float]] = {"product": [], "bare": []}
    with tempfile.TemporaryDirectory(prefix="rf-aws-bench-") as name, rig(Path(name)) as (world, login):
        product = Product(sys.argv[1], world)
        # Packs the layer of Python packages, which later rounds find made.
        product.up()
        variables = {root: product.variables(root) for root in ("registry", "foundation", "services")}
        # It goes with the stack.
        package = shutil.copy(str(variables["services"]["function_zip"]), Path(name) / "function.zip")
        variables["services"]["function_zip"] = str(package)
        bare = Bare(Path(name), world, login, variables)
        for reference in variables["services"]["images"].values():
            bare.keep(reference)
        product.say("down", "--yes")
        for _ in range(ROUNDS):
            seconds["product"].append(product.up())
            product.say("down", "--yes")
            seconds["bare"].append(bare.up())
            bare.down()
    ratios = [ours / theirs for ours, theirs in zip(seconds["product"], seconds["bare"], strict=True)]
    for who, taken in seconds.items():
        print(f"{who:<10} median {statistics.median(taken):7.2f} s   from {min(taken):7.2f} to {max(taken):7.2f}")
    ratio = statistics.median(ratios)
    print(f"ratio      {ratio:.3f} (goal: at most {GOAL})")
    if ratio > GOAL:
        sys.exit("The goal is missed.")


if __name__ == "__main__":
    main()
