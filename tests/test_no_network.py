"""The network is blocked where the notebooks run: in the kernel, and in what it starts."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from kernel_environment import kernel_environment
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.slow

# Each is a way to the outside. 192.0.2.1 belongs to nobody: it is kept for examples.
WAYS_OUT = {
    "a name": "import socket; socket.create_connection(('example.com', 80), timeout=2)",
    "a number": "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)",
    "the newer internet": "import socket; socket.create_connection(('2001:db8::1', 80), timeout=2)",
    "a datagram": "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'a', ('192.0.2.1', 9))",
    "a look-up": "import socket; socket.gethostbyname('example.com')",
    "a web page": "import urllib.request; urllib.request.urlopen('https://example.com', timeout=2)",
    "a page without proxy": (
        "import urllib.request as request\n"
        "request.build_opener(request.ProxyHandler({})).open('http://example.com', timeout=2)"
    ),
    "weights": (
        "import tempfile, torch\n"
        "address = 'https://download.pytorch.org/models/resnet18-f37072fd.pth'\n"
        "torch.hub.load_state_dict_from_url(address, model_dir=tempfile.mkdtemp())"
    ),
    "requests": "import requests; requests.get('https://example.com', timeout=2)",
    "another Python": (
        "import subprocess, sys\n"
        "code = 'import socket; socket.create_connection((\"192.0.2.1\", 80), timeout=2)'\n"
        "done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)\n"
        "assert done.returncode == 0, done.stderr"
    ),
    "asynchronous": "import asyncio; await asyncio.open_connection('192.0.2.1', 80)",
}
INSIDE = """\
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(("localhost", server.getsockname()[1]))
client.sendall(b"photo")
server.accept()[0].recv(5)
"""


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each way out, and the way inside, ended with in one kernel; "" without an error."""
    cells = [new_code_cell(source) for source in [*WAYS_OUT.values(), INSIDE]]
    folder = tmp_path_factory.mktemp("kernel")
    client = NotebookClient(
        new_notebook(cells=cells),
        timeout=60,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )

    notebook: nbformat.NotebookNode = client.execute(env=os.environ | kernel_environment(folder))
    outputs = [cell.outputs[-1] if cell.outputs else {} for cell in notebook.cells]
    return {
        name: f"{output.get('ename', '')} {output.get('evalue', '')}".strip()
        for name, output in zip([*WAYS_OUT, "inside"], outputs, strict=True)
    }


@pytest.mark.parametrize("name", WAYS_OUT)
def test_a_kernel_does_not_reach_the_network(name: str, errors: dict[str, str]) -> None:
    assert "The network is blocked while notebooks are tested" in errors[name]


def test_a_kernel_talks_to_its_own_machine(errors: dict[str, str]) -> None:
    assert errors["inside"] == ""


def test_the_test_process_is_blocked_too() -> None:
    with pytest.raises(ConnectionRefusedError, match="The network is blocked"):
        socket.create_connection(("192.0.2.1", 80), timeout=2)


def test_a_process_without_the_block_is_not_blocked(tmp_path: Path) -> None:
    # The error comes from the block and not from a machine that has no network anyway.
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=0.2)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "The network is blocked" not in done.stderr
