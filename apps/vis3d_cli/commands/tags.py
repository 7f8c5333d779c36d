"""`vis3d tags`: the whole header, the patient's data too: asking is consent."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from vis3d.errors import NothingFoundError
from vis3d.progress import Progress
from vis3d_cli import say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.listing import skipped_lines
from vis3d_cli.options import PLAIN, How, Manner
from vis3d_cli.tag_lines import comparison_lines, heading, tree_lines
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.dicom import Element, Skipped, TagTree

SHOWN_SKIPPED = 10


def tags(
    file: Annotated[
        Path,
        Parameter(
            name="FILE", help="A DICOM file or DICOMDIR, or a folder or archive of them."
        ),
    ],
    /,
    *more: Annotated[Path, Parameter(name="MORE", help="Further ones to compare with.")],
    find: Annotated[
        str | None,
        Parameter(
            metavar="TEXT",
            allow_leading_hyphen=True,
            help="Only what has this in its keyword, name, tag or value.",
        ),
    ] = None,
    private: Annotated[bool, Parameter(help="Private elements too, in JSON as well.")] = False,
    force: Annotated[
        bool,
        Parameter(help="Read files without preamble or meta header, damaged ones up to there."),
    ] = False,
    how: How = PLAIN,
) -> int:
    """Show the header of a DICOM file as a tree; of several, what differs.

    The patient's data are shown too. Bulk data such as pixels are shown by
    their size and never read. --json prints the DICOM JSON Model (PS3.18 F):
    an object for a file, an array for several files or a folder; bulk data
    stay out of it, a BulkDataURI "NAME?offset=N&length=N" says where they
    lie in the file.

    For example: vis3d tags scans/chest/0001.dcm --find spacing
    """
    from vis3d.dicom import is_one_file, matching, without_private

    paths = (file, *more)
    alone = not more and is_one_file(file)
    skipped: list[Skipped] = []

    def shown(elements: "Iterable[Element]") -> "tuple[Element, ...]":
        kept = tuple(elements) if private else without_private(elements)
        return kept if find is None else matching(kept, find)

    with watching(how) as progress:
        trees = _trees(paths, force, skipped, progress)
        if how.json:
            _print_json(trees, shown, alone=alone)
        elif alone:
            _print_tree(next(trees), shown, how, find)
        else:
            _print_comparison(trees, shown, how, find)
    _note_skipped(skipped, how)
    return DONE


Shown = Callable[["Iterable[Element]"], "tuple[Element, ...]"]


def _trees(
    paths: tuple[Path, ...], force: bool, skipped: "list[Skipped]", progress: Progress
) -> "Iterator[TagTree]":
    """The headers of all DICOM files; others in folders and archives go to `skipped`.

    Raises:
        NothingFoundError: there is none.
    """
    from vis3d.dicom import TagTree, each_tags, is_one_file, read_tags

    found = False
    for path in paths:
        if is_one_file(path):
            found = True
            yield read_tags(path, force=force)
            continue
        for tree in each_tags(path, force=force, progress=progress):
            if isinstance(tree, TagTree):
                found = True
                yield tree
            else:
                skipped.append(tree)
    if not found:
        raise NothingFoundError(f"There is no DICOM file in {paths[0]}.")


def _print_json(trees: "Iterable[TagTree]", shown: Shown, *, alone: bool) -> None:
    from vis3d.dicom import dicom_json

    objects = [dicom_json(shown(tree.elements), tree.name) for tree in trees]
    say.print_json(objects[0] if alone else objects)


def _print_tree(tree: "TagTree", shown: Shown, how: Manner, find: str | None) -> None:
    elements = (*shown(tree.meta), *shown(tree.elements))
    say.rows([heading(tree), *tree_lines(elements)], how)
    if tree.damage:
        say.note(f"warning: {tree.name} {tree.damage}; what comes before is shown.", how)
    if not elements and find is not None:
        say.note(f"Nothing in {tree.name} contains {find!r}.", how)


def _print_comparison(
    trees: "Iterable[TagTree]", shown: Shown, how: Manner, find: str | None
) -> None:
    from vis3d.dicom import compare_tags

    found = compare_tags((*shown(tree.meta), *shown(tree.elements)) for tree in trees)
    if found.common:
        say.rows(
            [f"The same in all files ({found.files}):", *tree_lines(found.common), ""], how
        )
    say.rows(comparison_lines(found), how)
    if find is not None and not found.common and not found.differences:
        say.note(f"Nothing in {found.files} files contains {find!r}.", how)


def _note_skipped(skipped: "list[Skipped]", how: Manner) -> None:
    for line in skipped_lines(skipped, None if how.verbose else SHOWN_SKIPPED):
        say.note(line, how)
