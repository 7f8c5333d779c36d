"""A header without the patient: PS3.15's basic profile, and nothing kept by default.

The header is built anew. What the profile's table names is removed, emptied or replaced as
it says; of all else only numbers, known terms, standard UIDs and coded concepts of the
standard are taken over. So text that somebody wrote into any other place isn't there either.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeAlias

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID_dictionary

import vis3d
from vis3d.dicom.known_terms import TERMS, coded_meanings, is_kernel, names_no_contrast, vendor
from vis3d.dicom.pseudonyms import Pseudonyms, moved_back

Dates: TypeAlias = Literal["remove", "shift"]
Kept: TypeAlias = Literal["device", "characteristics"]

TABLE_EDITION = "2026c"
UNSAID = "UNKNOWN"
NO_DATE, NO_TIME = "19000101", "000000"
OLDEST_YEARS = 89
"""Who is older could be told by it: all above are 90."""

CODES = {
    "profile": ("113100", "Basic Application Confidentiality Profile"),
    "shift": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "characteristics": ("113108", "Retain Patient Characteristics Option"),
}
"""De-identification methods (PS3.16 CID 7050)."""

_EMPTY_IF_MISSING = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName", "StudyID",
)  # fmt: skip
_SAID_IF_ENHANCED = (
    "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions",
)  # fmt: skip
_KEPT_OF_DEVICE = frozenset(
    "Manufacturer ManufacturerModelName SoftwareVersions DeviceSerialNumber StationName "  # noqa: SIM905
    "DeviceUID GantryID GeneratorID DetectorID CassetteID PlateID".split()
)
_KEPT_OF_PATIENT = frozenset(
    "PatientSex PatientAge PatientSize PatientWeight PregnancyStatus SmokingStatus "  # noqa: SIM905
    "PatientSexNeutered".split()
)
_NUMBERS = frozenset("AT FD FL SL SS SV UL US UV".split())  # noqa: SIM905
_NUMBER_TEXT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_AGE = re.compile(r"(\d{3})([DWMY])")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")


@dataclass(frozen=True)
class Policy:
    """What is kept beyond the basic profile, and what stands for identities."""

    pseudonyms: Pseudonyms = field(default_factory=Pseudonyms)
    dates: Dates = "remove"
    keep: frozenset[Kept] = frozenset()


def deidentified(header: Any, policy: Policy) -> Dataset:
    """The header without private groups, overlays, pixels, and all that could identify.

    It says of itself by which method (Patient Identity Removed, De-identification Method).
    """
    patient = str(header.get("PatientID") or "") or str(header.get("StudyInstanceUID", ""))
    cleaner = _Cleaner(policy, policy.pseudonyms.days(patient))
    made = cleaner.cleaned(header)
    _fill_in(made)
    alias = f"ANON-{policy.pseudonyms.word('patient', patient, 10)}"
    made.PatientName, made.PatientID = alias, alias
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = f"vis3d {vis3d.__version__}: PS3.15 {TABLE_EDITION}"[:64]
    made.DeidentificationMethodCodeSequence = [_code(*CODES[one]) for one in _methods(policy)]
    shifted = policy.dates == "shift"
    made.LongitudinalTemporalInformationModified = "MODIFIED" if shifted else "REMOVED"
    return made


def _fill_in(made: Dataset) -> None:
    """What must be there, empty or saying nothing (PS3.3 sections C.7.1 to C.7.5)."""
    for keyword in _EMPTY_IF_MISSING:
        if keyword not in made:
            setattr(made, keyword, None)
    if "FrameOfReferenceUID" in made:
        made.PositionReferenceIndicator = None
    if "PerFrameFunctionalGroupsSequence" in made:
        for keyword in _SAID_IF_ENHANCED:
            if not made.get(keyword):
                setattr(made, keyword, UNSAID)


def _methods(policy: Policy) -> Iterable[str]:
    yield "profile"
    yield from (["shift"] if policy.dates == "shift" else [])
    yield from sorted(policy.keep)


def _code(value: str, meaning: str) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, "DCM", meaning
    return made


@cache
def profile() -> Mapping[int, str]:
    """Tag -> action of PS3.15 Table E.1-1: X, Z, D, U, Z/D, X/Z, X/D, X/Z/D or X/Z/U*."""
    from dicomanonymizer.dicom_anonymization_databases import (  # type: ignore[import-untyped]
        dicomfields_2026c as table,
    )

    actions = ("D", "Z", "X", "U", "Z_D", "X_Z", "X_D", "X_Z_D", "X_Z_U_STAR")
    return {
        tag[0] << 16 | tag[1]: action
        for action in actions
        for tag in getattr(table, f"{action}_TAGS")
        if len(tag) == 2  # the rest are overlays and curves, which are never taken over
    }


class _Cleaner:
    """Takes over, one by one, the elements that may stay."""

    def __init__(self, policy: Policy, days: int) -> None:
        self.policy = policy
        self.days = days
        self.kept = (_KEPT_OF_DEVICE if "device" in policy.keep else frozenset()) | (
            _KEPT_OF_PATIENT if "characteristics" in policy.keep else frozenset()
        )

    def cleaned(self, dataset: Any) -> Dataset:
        """A data set of its own, with what may stay of this one, in nested items too."""
        made = Dataset()
        if "LUTData" in dataset and not _is_whole_table(dataset):
            return made
        for tag in list(dataset.keys()):
            if tag.is_private or tag.group < 8 or not dictionary_has_tag(tag):
                continue
            vr = dictionary_VR(tag)
            try:
                element = dataset[tag]
                value = self.kept_value(tag, vr, element)
            except Exception:  # noqa: BLE001  (a value that can't be read is not kept)
                continue
            if value is not None:
                vr = element.VR if " or " in vr else vr
                made[tag] = DataElement(tag, vr, _alone(value), validation_mode=IGNORE)
        return made

    def kept_value(self, tag: BaseTag, vr: str, element: Any) -> Any:
        """What takes the element's place; None where it is left out."""
        keyword = keyword_for_tag(tag)
        if vr != element.VR and " or " not in vr and element.VR != "UN":
            return None  # written as something else than it is
        if keyword in self.kept:
            return self.kept_as_asked(keyword, vr, element)
        if keyword in _OWN_RULES:
            return _OWN_RULES[keyword](_texts(element), self.policy.pseudonyms) or None
        action = profile().get(int(tag), "")
        if vr in ("DA", "DT", "TM") and self.policy.dates == "shift" and tag.group != 0x0010:
            return self.shifted(vr, element)
        if vr == "UI":
            return None if action.startswith("X") else self.uids(element)
        if vr == "SQ":
            return self.items(action, element)
        return self.unlisted(keyword, vr, element) if not action else _dummy(action, vr)

    def kept_as_asked(self, keyword: str, vr: str, element: Any) -> Any:
        """The device's identity, or a characteristic of the patient."""
        if keyword == "PatientAge":
            match = _AGE.fullmatch(str(element.value).strip())
            old = match and match[2] == "Y" and int(match[1]) > OLDEST_YEARS
            return ("090Y" if old else match[0]) if match else None
        if keyword == "PatientSex":
            return str(element.value) if str(element.value) in ("M", "F", "O") else None
        return element.value if keyword in _KEPT_OF_DEVICE else self.unlisted("", vr, element)

    def shifted(self, vr: str, element: Any) -> Any:
        """Dates some days earlier, times of the day as they are."""
        texts = _texts(element)
        if vr == "TM":
            return [text for text in texts if _TIME.fullmatch(text)] or None
        return [moved for text in texts if (moved := moved_back(text, self.days))] or None

    def uids(self, element: Any) -> Any:
        """Standard UIDs as they are, all others replaced, the same by the same."""
        texts = [text for text in _texts(element) if text]
        return [
            text if text in UID_dictionary else self.policy.pseudonyms.uid(text)
            for text in texts
        ] or None

    def items(self, action: str, element: Any) -> Any:
        """The cleaned items of a sequence; coded concepts by the standard's own words."""
        if action in ("X", "D", "X_D", "X_Z_D"):
            return None
        if action in ("Z", "X_Z"):
            return []
        made = [_concept(item) if _is_code(item) else self.cleaned(item) for item in element]
        return [item for item in made if item is not None and len(item)] or None

    def unlisted(self, keyword: str, vr: str, element: Any) -> Any:
        """The value of an attribute that the table doesn't name."""
        if keyword == "LUTData":
            return element.value
        if vr in _NUMBERS or set(vr.split(" or ")) <= _NUMBERS:
            return element.value if element.VR in _NUMBERS else None
        texts = _texts(element)
        if vr in ("DS", "IS"):
            return texts if all(_NUMBER_TEXT.fullmatch(one) for one in texts) else None
        if vr == "CS":
            return texts if all(one in TERMS for one in texts) else None
        return None


def _dummy(action: str, vr: str) -> Any:
    """What the profile puts in place of a value: nothing, or a word without meaning."""
    if action in ("X", "X_D"):
        return None
    if vr == "DA":
        return NO_DATE if action in ("D", "Z_D") else ""
    if vr == "TM":
        return NO_TIME if action in ("D", "Z_D") else ""
    if vr == "DT":
        return NO_DATE + NO_TIME if action in ("D", "X_Z_D") else ""
    if action in ("Z", "X_Z", "X_Z_D", "Z_D"):
        return ""
    return "ANONYMIZED" if vr in ("CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT") else None


def _texts(element: Any) -> list[str]:
    """The values of an element as texts without padding."""
    value = element.value
    if value is None or value == "":
        return []
    many = [value] if isinstance(value, (str, int, float)) else list(value)
    return [str(one).strip("\0 ") for one in many]


def _alone(value: Any) -> Any:
    """One value as itself, none as nothing, several as they are."""
    if not isinstance(value, list) or (value and isinstance(value[0], Dataset)):
        return value
    return value[0] if len(value) == 1 else value or None


def _is_whole_table(item: Any) -> bool:
    """Whether a lookup table has as many entries as it says, and so no room for more."""
    try:
        entries = int(item.LUTDescriptor[0]) or 1 << 16
        data = item["LUTData"].value
        return len(data) == entries * (2 if isinstance(data, bytes) else 1)
    except (AttributeError, TypeError, ValueError, IndexError):
        return False


def _is_code(item: Any) -> bool:
    return "CodeMeaning" in item or "CodingSchemeDesignator" in item


def _concept(item: Any) -> Dataset | None:
    """A coded concept with the standard's meaning; None where the standard hasn't got it."""
    scheme, code = str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeValue", ""))
    meaning = coded_meanings().get((scheme, code))
    if meaning is None:
        return None
    made = _code(code, meaning[:64])
    made.CodingSchemeDesignator = scheme
    return made


def _kernel(texts: list[str], pseudonyms: Pseudonyms) -> list[str]:
    """Kernels, of which unknown ones stay apart under other names."""
    return [
        one if is_kernel(one) else f"K{pseudonyms.word('kernel', one)}" for one in texts if one
    ]


def _image_type(texts: list[str], pseudonyms: Pseudonyms) -> list[str]:
    """The values in their order, unknown ones under other names: they tell stacks apart."""
    return [
        one if one in TERMS or not one else f"X{pseudonyms.word('image type', one)}"
        for one in texts
    ]


def _stack(texts: list[str], pseudonyms: Pseudonyms) -> list[str]:
    return [
        one if re.fullmatch(r"\d{1,4}", one) else pseudonyms.word("stack", one) for one in texts
    ]


def _description(texts: list[str], pseudonyms: Pseudonyms) -> list[str]:
    """A name without meaning: descriptions may be all that tells two stacks apart."""
    return [f"S-{pseudonyms.word('description', one)}" for one in texts if one][:1]


def _vendor(texts: list[str], pseudonyms: Pseudonyms) -> list[str]:
    """A known maker's name; others are unsaid, for some objects must name one."""
    return [vendor(one) or UNSAID for one in texts[:1] if one]


def _agent(texts: list[str], pseudonyms: Pseudonyms) -> list[str]:
    """That there was a contrast agent, or none, not which."""
    if all(names_no_contrast(one) for one in texts if one):
        return ["NONE" if any(texts) else ""]
    return ["CONTRAST"]


def _terms(texts: list[str], pseudonyms: Pseudonyms) -> list[str]:
    return texts if all(one in TERMS for one in texts) else []


def _unsaid(texts: list[str], pseudonyms: Pseudonyms) -> list[str]:
    """A word where the standard wants one."""
    return [UNSAID] if any(texts) else []


def _nucleus(texts: list[str], pseudonyms: Pseudonyms) -> list[str]:
    return [one for one in texts if one in ("1H", "H", "3HE", "13C", "19F", "23NA", "31P")]


_OWN_RULES: Mapping[str, Callable[[list[str], Pseudonyms], list[str]]] = {
    "ConvolutionKernel": _kernel,
    "ImageType": _image_type,
    "FrameType": _image_type,
    "StackID": _stack,
    "SeriesDescription": _description,
    "Manufacturer": _vendor,
    "ContrastBolusAgent": _agent,
    "RescaleType": _terms,
    "ModalityLUTType": _terms,
    "WindowCenterWidthExplanation": _terms,
    "ImagedNucleus": _nucleus,
    "LUTLabel": _stack,
    "ContentLabel": _unsaid,
    "LUTExplanation": _unsaid,
}
"""Attributes that loading, grouping or windowing need, and what is kept of each."""

assert all(tag_for_keyword(keyword) for keyword in _OWN_RULES)
