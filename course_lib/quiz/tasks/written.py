"""What the learner wrote: the code of a cell, and whether it still is the stub.

Introduced in lesson 2.
"""

import ast
import sys
from collections.abc import Iterator
from typing import Any


def notebook() -> Any:
    """The running IPython shell; None outside of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def cell_that_defines(name: str) -> str:
    """The code of the cell that gave ``name`` its meaning last, without its check; "" where there is none."""
    shell = notebook()
    cells = shell.history_manager.input_hist_parsed if shell else []
    for code in reversed(cells):
        if definition(code, name):
            return without_check(code)
    return ""


def definition(code: str, name: str) -> ast.stmt | None:
    """The last statement that defines a function, a class or a value of this name.

    Example:
        >>> definition("def double(number):\\n    return 2 * number", "double").lineno
        1
        >>> definition("double = ", "double") is None
        True
    """
    if name not in code:
        return None
    found = [statement for statement in _statements(code) if name in _names(statement)]
    return found[-1] if found else None


def is_still(code: str, stub: str, name: str) -> bool:
    """Whether the definition in ``code`` does what that of the stub does; docstrings do not count.

    Example:
        >>> stub = 'def double(number):\\n    "Twice a number."\\n    ...'
        >>> is_still("def double(number): ...  # to do", stub, "double")
        True
    """
    pair = [definition(text, name) for text in (code, stub)]
    return None not in pair and len({ast.dump(_bare(statement)) for statement in pair if statement}) == 1


def without_check(code: str) -> str:
    """A cell without its calls of ``quiz.check``."""
    lines = code.splitlines()
    for statement in reversed(list(_statements(code))):
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("quiz.check", "check"):
            del lines[statement.lineno - 1 : statement.end_lineno]
    return "\n".join(lines).strip()


def replaced(cell: str, name: str, code: str) -> str:
    """A cell in which the definition of ``name`` has become ``code``: a learner's edit, for tests."""
    statement = definition(cell, name)
    assert statement, f"the cell does not define {name}"
    decorators = getattr(statement, "decorator_list", [])
    start = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    lines = cell.splitlines()
    return "\n".join([*lines[: start - 1], *code.strip("\n").splitlines(), *lines[statement.end_lineno :]])


def _statements(code: str) -> Iterator[ast.stmt]:
    try:
        yield from ast.parse(code).body
    except (SyntaxError, ValueError):
        return


def _names(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        return {target.id for target in statement.targets if isinstance(target, ast.Name)}
    return (
        {statement.target.id}
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        else set()
    )


def _bare(statement: ast.stmt) -> ast.stmt:
    """A definition without docstrings, which a learner may edit without answering."""
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Expr(ast.Constant(...))]
    return statement
