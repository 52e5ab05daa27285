"""`pmm eval`: how well recall finds what answers a question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pmm.cli.options import examples

if TYPE_CHECKING:
    from pmm.runtime.evals import Minds, Report

EXAMPLES = examples(
    "pmm eval locomo locomo10.json",
    "pmm eval beam chats/ --json before.json",
    "pmm eval jsonl mine.jsonl --compare before.json",
    "pmm eval locomo locomo10.json --without kinds --without rule",
    "pmm eval beam chats/ --ablate",
    "pmm eval locomo locomo10.json --embedder minilm",
    "pmm eval context locomo10.json",
)


def eval_(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="locomo, beam or jsonl: what the file holds; or context.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file, or a folder of such files.")],
    without: Annotated[list[str] | None, typer.Option("--without", metavar="SIGNAL", help="Leave a signal out. May be repeated.")] = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="Leave each signal out in turn, and show what that costs.")] = False,
    answers: Annotated[bool, typer.Option("--answers", help="Show how often an answer without a model cites the evidence.")] = False,
    embedder: Annotated[str, typer.Option("--embedder", metavar="NAME", help="Recall by meaning as well: minilm, hashed ...")] = "",
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here as well.")] = None,
    compare: Annotated[Path | None, typer.Option("--compare", metavar="FILE", help="An earlier run's, to hold these against.")] = None,
) -> None:
    """Measure recall on dialogues with questions.

    The answers are known to be in certain messages. recall@10 is the share of those messages among the first ten that are recalled, with
    its 95% interval; words, how many the ten have. Each dialogue is imported into a temporary mind. No model is asked. `pmm eval context
    PATH`, with any of these files, shows what smaller prompts lose of the evidence, so that max_memory_tokens and recall_k can be chosen by
    numbers.

    A file of your own is JSON Lines: messages as `pmm import` reads them, each with an id, and lines such as
    {"question": "Where do I live?", "evidence": ["m7"], "category": "facts"}.
    """
    from pmm.cli import screen
    from pmm.errors import InvalidInput
    from pmm.importers.questions import DATASETS, dataset_of, dialogues
    from pmm.runtime.evals import SIGNALS, imported

    context, path = dataset == "context", path.expanduser()
    if context:
        dataset = dataset_of(path)
    if dataset not in DATASETS:
        raise InvalidInput(f"there is no dataset {dataset!r}.", hint=f"It is one of {', '.join(DATASETS)}, or context.")
    for signal in without or ():
        if signal not in SIGNALS:
            raise InvalidInput(f"there is no signal {signal!r}.", hint=f"It is one of {', '.join(SIGNALS)}.")
    earlier = _read(compare)

    def tell(name: str) -> None:
        screen.note(screen.dim(f"importing {name} ..."))

    with imported(dataset, dialogues(dataset, path), tell, embedder) as minds:
        if context:
            _context(minds)
            return
        report = minds.evaluate(without=frozenset(without or ()))
        if not report.scores:
            raise InvalidInput(f"{path} asks nothing whose evidence is in it.", hint="Questions name the ids of messages of the same file.")
        _show(report, earlier)
        if ablate:
            _ablate(minds, report)
        if answers:
            _answers(minds)
    if json is not None:
        json.write_text(screen.to_json(report), encoding="utf-8")


def _show(report: Report, earlier: dict[str, float]) -> None:
    from pmm.cli.screen import dim, number, say, table

    rows = []
    for score in report.scores:
        change = f"{score.recall - earlier[score.category]:+.1f}" if score.category in earlier else ""
        interval = f"{score.low:.1f}-{score.high:.1f}"
        rows.append((score.category, str(score.questions), f"{score.recall:.1f}", interval, f"{score.words:.0f}", change))
    table(("category", "questions", "recall@10", "95%", "words", "change" if earlier else ""), rows)
    encoding = f"; encoding a question with {report.embedder}, on top: {report.encoding_ms:.1f} ms (p50)" if report.embedder else ""
    say(dim(f"{number(report.messages, 'message')}; one recall {report.ms_p50:.1f} ms (p50), {report.ms_p95:.1f} ms (p95){encoding}"))


def _ablate(minds: Minds, whole: Report) -> None:
    """What the headline and the categories lose without each signal."""
    from pmm.cli.screen import table
    from pmm.runtime.evals import SIGNALS

    rows = []
    for signal in (s for s in SIGNALS if s not in whole.without):
        less = minds.evaluate(without={*whole.without, signal})
        rows.append((signal, *(f"{a.recall - b.recall:+.1f}" for a, b in zip(less.scores, whole.scores, strict=True))))
    table(("without", *(score.category for score in whole.scores)), rows)


def _context(minds: Minds) -> None:
    """How much of the evidence reaches the model, by the number of memories, the size of the memory block and the floor under them."""
    from pmm.cli.screen import table
    from pmm.runtime.evals import FLOORS, Kept

    shown = [minds.kept(k, memory) for k in (4, 8, 16) for memory in (100, 200, 300, 400, 800, 1600)]
    floors = [minds.kept(8, 400, worth) for worth in FLOORS]
    figures: Callable[[Kept], tuple[str, ...]] = lambda kept: (f"{kept.recalled:.1f}", f"{kept.shown:.1f}", f"{kept.tokens:.0f}")
    table(("recall_k", "max_memory_tokens", "recalled", "shown", "tokens taken"), [(str(k.k), str(k.memory), *figures(k)) for k in shown])
    table(("floor", "recalled", "shown", "tokens taken"), [(f"{k.worth:.0%}", *figures(k)) for k in floors])


def _answers(minds: Minds) -> None:
    """Whether what is answered without a model rests on the right messages."""
    from pmm.cli.screen import say

    found = minds.answered(8)
    say(f"Answers without a model, to {found.questions} questions from 8 memories: {found.cites:.1f}% cite a message; the first one cited")
    say(f"is of the evidence in {found.first:.1f}% of all, any one in {found.any:.1f}%.")
    if found.traps:
        say(f"Of {found.traps} that nothing answers, {found.declined:.1f}% are told so.")


def _read(path: Path | None) -> dict[str, float]:
    """category -> recall@10 of an earlier run. Raises InvalidInput."""
    if path is None:
        return {}
    import msgspec

    from pmm.errors import InvalidInput
    from pmm.runtime.evals import Report

    try:
        report = msgspec.json.decode(path.expanduser().read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"{path} is no earlier run: {error}.", hint="Name a file that --json wrote.") from None
    return {score.category: score.recall for score in report.scores}
