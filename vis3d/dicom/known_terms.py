"""Words that headers may keep when a patient's identity is removed: terms, never free text.

Whoever de-identifies can't tell a harmless text from one that somebody typed a name into.
So a text is kept where it is one of these words, and replaced or left out where it isn't.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

NO_CONTRAST = frozenset({"NONE", "NO", "N", "NO CONTRAST", "WITHOUT", "WITHOUT CONTRAST"})
"""What scanners write as the contrast agent of scans that have none, in capitals."""


def names_no_contrast(agent: str) -> bool:
    """Whether a contrast agent so named says that there was none."""
    return agent.strip().upper() in NO_CONTRAST


_SINGLE = """
    YES NO Y N TRUE FALSE NONE UNKNOWN OTHER MIXED NORMAL STANDARD UNDEFINED DEFAULT
    ORIGINAL DERIVED PRIMARY SECONDARY AXIAL LOCALIZER MPR MIP MINIP CPR VOLUME RESAMPLED
    REFORMATTED AVERAGE ADD ADDITION DIVISION SUBTRACTION MULTIPLICATION DIXON WATER FAT
    IN_PHASE
    OUT_PHASE M P R I PHASE MAGNITUDE REAL IMAGINARY ND NORM DIS2D DIS3D MOCO TRACE ADC FA
    DIFFUSION PERFUSION T1 T2 SE GR IR EP RM SK MTC SS TRSS SP MP OSP STILL MOVING DYNAMIC
    STATIC GATED TOMO RECON EMISSION TRANSMISSION WHOLE_BODY VIRTUAL_MONO EFF_ATOMIC_NUM
    ELECTRON_DENSITY MATERIAL_BASIS CT_SOM SPI HELIX HELICAL SPIRAL SEQUENCE SEQUENCED
    CONSTANT_ANGLE STATIONARY FREE CT MR PT NM US CR DX DR MG PX IO XA RF
    OT SC XC ES OP SM OCT MONOCHROME COLOR MONOCHROME1 MONOCHROME2 RGB YBR_FULL YBR_FULL_422
    YBR_RCT YBR_ICT YBR_PARTIAL_420 HFS HFP FFS FFP HFDR HFDL FFDR FFDL LFP LFS RFP RFS AFDR
    AFDL PFDR PFDL A L H F PR AL AR PL LA RA LP RP FR FL HR HL AH AF PH PF HA HP FA FP LH LF
    RH RF AP PA LL RL LLD RLD LLO RLO RAO LAO LPO RPO CC MLO ML LM XCCL U B CW COUNTERCLOCKWISE
    CLOCKWISE ROW COL COLUMN 1D 2D 3D 4D 00 01 ISO_10918_1 ISO_14495_1 ISO_15444_1 ISO_15444_15
    ISO_13818_2 IDENTITY INVERSE LINEAR LINEAR_EXACT SIGMOID LIN LOG DISP HU HU_MOD OD BQML
    CNTS PROPCNTS CM2ML PCNT CPS CM2 NONCNTS MMOL MLMIN UMOLMIN KCNTS BW BSA LBM ATTN DECY SCAT
    DTIM MOTN PMOT CLN RAN RADL DCAL NRGY START ADMIN DIRECT SCINTILLATOR STORAGE FILM AREA
    SLOT EXPOSURE MANUAL AUTOMATIC AUTO SEMIAUTOMATIC PRODUCT RESEARCH SERVICE CONTINUOUS PULSED
    RECTANGLE ROUND HEXAGONAL CYLINDRICAL_RING OPEN_RING PATIENT SLIDE REGISTRATION PROBABILITY
    OCCUPANCY BINARY FRACTIONAL LABELMAP TILED_FULL TILED_SPARSE 3D_TEMPORAL PARTIAL COMPLETE
    UNMODIFIED MODIFIED REMOVED QUANTITY CHEST THORAX LUNG ABDOMEN PELVIS HEAD NECK BRAIN SKULL
    SPINE CSPINE TSPINE LSPINE SSPINE HEADNECK CHESTABDOMEN CHESTABDPELVIS ABDOMENPELVIS
    NECKCHEST NECKCHESTABDPELV NECKCHESTABDOMEN WHOLEBODY HEART CARDIAC AORTA LIVER KIDNEY
    PANCREAS SPLEEN COLON BLADDER PROSTATE UTERUS BREAST SHOULDER CLAVICLE SCAPULA HUMERUS ARM
    ELBOW FOREARM WRIST HAND FINGER HIP FEMUR LEG KNEE LOWERLEG ANKLE FOOT TOE RIB STERNUM ORBIT
    SINUS JAW MAXILLA MANDIBLE ZYGOMA TMJ EAR EYE FACE EXTREMITY LIMB PHANTOM SACRUM COCCYX
    CAROTID TRACHEA BRONCHUS MEDIASTINUM LARYNX PHARYNX THYROID CORONARY ARTERY VEIN
    CONSTRAINED BACKPROJECTION FILTERED_BACK_PROJECTION ITERATIVE VOLUMETRIC
    DISTORTED SAMPLED FULL HALF SINGLE MULTI ADAPTIVE WEIGHTED XYZ_EC ANGULAR_EC ZERO
    WINDOW1 WINDOW2 WINDOW3 BONE SOFT TISSUE SOFTTISSUE ALGO1 ALGO2 ALTERED UNALTERED
    DI DV DRW DF SYN WSD SD SI MAG
"""
_PHRASES = (
    "PALETTE COLOR", "SCREEN SAVE", "FOR PRESENTATION", "FOR PROCESSING", "AXIAL MODE",
    "HELICAL MODE", "SCOUT MODE", "CINE MODE", "SINGLE VIEW", "WHOLE BODY", "CSA MPR",
    "VOLUME RENDERING", "SINGLE A", "SINGLE B", "CURVED LINEAR", "SOFT TISSUE", "MULTI PHASE",
    "DYNAMIC", "RECON TOMO", "GATED TOMO", "RECON GATED TOMO", "TYPE_1", "TYPE_2",
)  # fmt: skip
TERMS = frozenset(_SINGLE.split()) | frozenset(_PHRASES)
"""Values of code strings (CS): defined terms of PS3.3 and the usual private ones."""

_KERNEL_WORDS = frozenset(
    "LUNG BONE BONEPLUS SOFT STANDARD STND STD STD+ DETAIL EDGE CHST CHEST HEAD BRAIN SHARP "  # noqa: SIM905
    "SMOOTH ULTRA SOFT+ BONE+ EXPERIMENTAL7 HD STANDARD+ BODY ASIR IQON".split()
)
_KERNEL = re.compile(r"[A-Z][a-z]?\d{2}[a-z]?|FC\d{2}|[A-F]|Y[A-D]|[EU][BC]|[1-9]")

VENDORS = (
    "SIEMENS", "GE MEDICAL SYSTEMS", "PHILIPS", "TOSHIBA", "CANON", "HITACHI", "FUJIFILM",
    "SHIMADZU", "UIH", "NEUSOFT", "SAMSUNG", "CARESTREAM", "KODAK", "AGFA", "KONICA", "HOLOGIC",
    "PLANMECA", "SIRONA", "ANALOGIC", "NEUROLOGICA", "MARCONI", "PICKER", "ELSCINT", "ESAOTE",
    "BRUKER", "MEDISO", "VIS3D",
)  # fmt: skip
"""Manufacturers are kept by these names alone."""

_FACE = re.compile(
    r"HEAD|FACE|FACIAL|SKULL|CRANI|BRAIN|CEREBR|ORBIT|SINUS|NECK|MAXILL|MANDIB|JAW|DENTAL|"
    r"WHOLE.?BODY|KOPF|SCH(AE|Ä|A)DEL|HALS|GESICHT|T[EÊ]TE|CR[AÂ]NE|CABEZA|TESTA|NEURO|EAR\b|"
    r"\bEYE|TEMPORAL|PITUIT|ANGIO.{0,8}(HEAD|CAROT)|CAROTID",
    re.IGNORECASE,
)

_FACELESS = frozenset(
    "CHEST THORAX LUNG LUNGS HEART CARDIAC CORONARY AORTA MEDIASTINUM BREAST STERNUM RIB RIBS "  # noqa: SIM905
    "ABDOMEN ABD ABDOM LIVER KIDNEY KIDNEYS PANCREAS SPLEEN COLON BOWEL RECTUM STOMACH "
    "PELVIS PELV PROSTATE BLADDER UTERUS OVARY TSPINE LSPINE SSPINE LUMBAR SACRUM COCCYX "
    "CHESTABDOMEN CHESTABDPELVIS ABDOMENPELVIS HIP FEMUR THIGH KNEE TIBIA LEG LOWERLEG CALF "
    "ANKLE FOOT TOE ELBOW FOREARM WRIST HAND FINGER AND TO WITH".split()
)
"""Body parts whose scans end below the chin, and what joins them."""


def is_faceless(body_part: str) -> bool:
    """Whether a body part names only parts of which no scan holds a face.

    A shoulder, an arm raised beside the head, the upper spine or a trunk may.
    """
    words = re.findall("[A-Z]+", body_part.upper())
    return bool(words) and set(words) <= _FACELESS


def is_kernel(word: str) -> bool:
    """Whether a word is a convolution kernel of a known maker."""
    return word.upper() in _KERNEL_WORDS or _KERNEL.fullmatch(word) is not None


def vendor(text: str) -> str:
    """The maker's usual name, "" for others."""
    said = text.upper()
    if said.startswith(("GE ", "G.E.", "GEMS")) or said == "GE":
        return "GE MEDICAL SYSTEMS"
    return next((name for name in VENDORS if name in said), "")


def speaks_of_head(text: str) -> bool:
    """Whether a description or body part says that the head may be in the picture."""
    return _FACE.search(text) is not None


@cache
def coded_meanings() -> Mapping[tuple[str, str], str]:
    """(scheme, code) -> meaning, of the codes that the standard itself lists (PS3.16)."""
    from pydicom.sr._concepts_dict import concepts  # 0.2 s that only code sequences are worth
    from pydicom.sr._snomed_dict import mapping

    tables: dict[str, dict[str, dict[str, Any]]] = concepts
    meanings = {
        (scheme, code): str(entry[0])
        for scheme, keywords in tables.items()
        for by_code in keywords.values()
        for code, entry in by_code.items()
    }
    older = {
        ("SRT", srt): meanings[("SCT", sct)]
        for srt, sct in mapping["SRT"].items()
        if ("SCT", sct) in meanings
    }
    return {**meanings, **older}
