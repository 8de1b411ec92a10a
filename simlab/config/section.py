"""The base of every part of a configuration: strict, frozen, and plain-spoken when refused.

A reader sees at once what is wrong in fields and *between* them, each where it stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, Final, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from simlab.errors import ConfigError, Problem, closest, did_you_mean

from .values import FrozenMap, flow, keys, plain

Loc = tuple[str | int, ...]

MOST_FINDINGS: Final = 50
"""Findings of one field, and unknown keys of one section, that are shown."""

LONGEST_NAME: Final = 200
"""Bytes of what names a file or a folder; a file system bears 255, and endings are added."""

BROKEN: Final = object()
"""Stands for a field that is wrong in itself, so that it is reported once."""

Real = Annotated[
    float,
    Field(strict=True, allow_inf_nan=False),
    AfterValidator(lambda value: value + 0.0),  # -0.0 and 0.0 are one value
]
Positive = Annotated[Real, Field(gt=0)]

SMALLEST: Final = 1e-150
LARGEST: Final = 1e150
"""Between them, but for 0, is every number of a population: sums of its square can be held."""


def _held(value: float) -> float:
    """Return a number of a population as it is; ValueError if its square cannot be held."""
    if 0 < abs(value) < SMALLEST:
        raise ValueError(
            f"{value} is too near to 0: below {SMALLEST:g} its square is too small a "
            "number for a computer"
        )
    if abs(value) > LARGEST:
        raise ValueError(
            f"{value} is too large: above {LARGEST:g} its square is too large a number "
            "for a computer"
        )
    return value


Amount = Annotated[Real, AfterValidator(_held)]
"""A number of a population, such as γ_0 or a covariance."""
PositiveAmount = Annotated[Positive, AfterValidator(_held)]
Text = Annotated[str, Field(min_length=1)]

K = TypeVar("K")
V = TypeVar("V")
Ordered = Annotated[
    Mapping[K, V], Field(min_length=1), AfterValidator(FrozenMap), PlainSerializer(dict)
]
"""A mapping whose order carries meaning."""
Sorted = Annotated[Mapping[Text, V], AfterValidator(FrozenMap.by_name), PlainSerializer(dict)]
"""A mapping whose order says nothing."""


def shape(value: object) -> str:
    """Return the tag of a value in a union of mappings with others; brackets mark tags in paths."""
    return "<mapping>" if isinstance(value, Mapping | BaseModel) else "<other>"


class Finding(NamedTuple):
    """Something wrong: its location, a message, and whether the key is to blame."""

    loc: Loc
    message: str
    at_key: bool = False

    def __str__(self) -> str:
        return f"{self.field} {self.message}"

    @property
    def field(self) -> str:
        """The location as a dotted path; a key that is empty reads ''."""
        return ".".join(str(part) or "''" for part in self.loc)

    def problem(
        self, file: str = "", line: int | None = None, column: int | None = None
    ) -> Problem:
        """Return it as the problem of a file, or of a study that was built in Python."""
        return Problem(file, line, column, self.field, self.message)


def refusal(wrong: Iterable[Finding]) -> ValidationError:
    """Return findings as one pydantic error; raised in a validator, each keeps its location."""
    return ValidationError.from_exception_data(
        "configuration",
        [
            InitErrorDetails(
                type=PydanticCustomError(
                    "key" if finding.at_key else "value", "{message}", {"message": finding.message}
                ),
                loc=finding.loc,
                input=None,
            )
            for finding in wrong
        ],
    )


def findings(error: ValidationError) -> list[Finding]:
    """Return the findings of a pydantic error, in plain words and without union tags.

    A list whose entries are wrong is empty in pydantic's eyes; only the entries are reported.
    """
    wrong = [_finding(details) for details in _first(error.errors(include_url=False))]
    above = {f.loc[:depth] for f in wrong for depth in range(len(f.loc))}
    return [f for f in wrong if f.message != EMPTY or f.loc not in above]


def refused(error: ValidationError, *above: str) -> ConfigError:
    """Return a pydantic error as one of a study that stands in no text, below some location."""
    return ConfigError(f._replace(loc=(*above, *f.loc)).problem() for f in findings(error))


def _first(errors: Iterable[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Leave out what nobody reads: of a field's errors, and of unknown keys, all but the first."""
    seen: Counter[str | int] = Counter()
    for details in errors:
        unknown = details["type"] == "extra_forbidden" and len(details["loc"]) == 1
        name = "" if unknown else details["loc"][0] if details["loc"] else ""
        seen[name] += 1
        if seen[name] <= MOST_FINDINGS:
            yield details


class Section(BaseModel):
    """A mapping of the configuration with known keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def across(cls, raw: Mapping[str, Any]) -> Iterable[Finding]:
        """Return what is wrong between fields; a field wrong in itself is `BROKEN` here."""
        del raw
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _gather(cls, data: Any, handler: ModelWrapValidatorHandler[Section]) -> Section:
        """Validate a section, and gather all that is wrong in it into one error."""
        try:
            section = handler(data)
            wrong = []
        except ValidationError as error:
            wrong = findings(error)
        if isinstance(data, Mapping):
            # Only a mapping can have unknown keys; one that nearly spells a missing field is
            # reported once, as the misspelling.
            wrong = [_unknown(cls, finding) for finding in wrong]
            extra = islice((key for key in data if key not in cls.fields()), MOST_FINDINGS)
            guessed = {closest(key, keys(cls)) for key in extra}
            wrong = [f for f in wrong if f.message != REQUIRED or f.loc[0] not in guessed]
            broken = {finding.loc[0] for finding in wrong if finding.loc} | guessed
            raw = plain(data) | dict.fromkeys(broken & cls.fields(), BROKEN)
            wrong += cls.across(raw)
        if wrong:
            raise refusal(wrong)
        return section

    @classmethod
    def fields(cls) -> set[str]:
        """Return the names of the keys a section may have."""
        return set(keys(cls))


GROUPED: Final = re.compile(r"[-+]?[0-9]+(_[0-9]+)+")
"""A number but for the _ between its digits, which YAML 1.2 does not know."""

REQUIRED = "is required"
UNKNOWN = "unknown key"
EMPTY = "must not be empty"

WORDS: Final[Mapping[str, str]] = {
    "missing": REQUIRED,
    "extra_forbidden": UNKNOWN,
    "int_type": "must be a whole number, not {value}",
    "int_from_float": "must be a whole number, not {value}",
    "bool_type": "must be true or false, not {value}",
    "float_type": "must be a number, not {value}",
    "finite_number": "must be a finite number, not {value}",
    "string_type": "must be text, not {value}; put it in quotes if it is meant as text",
    "string_too_short": EMPTY,
    "string_too_long": "must have at most {max_length} characters, not {length}",
    "string_pattern_mismatch": "may hold only letters, digits, _ and -, not {value}",
    "tuple_type": "must be a list, not {value}",
    "dict_type": "must be a mapping (key: value), not {value}",
    "mapping_type": "must be a mapping (key: value), not {value}",
    "model_type": "must be a mapping (key: value), not {value}",
    "model_attributes_type": "must be a mapping (key: value), not {value}",
    "greater_than": "must be greater than {gt}, not {value}",
    "greater_than_equal": "must be at least {ge}, not {value}",
    "less_than": "must be less than {lt}, not {value}",
    "less_than_equal": "must be at most {le}, not {value}",
    "too_short": EMPTY,
    "too_long": "must have at most {max_length} entries, not {length}",
    "value_error": "{error}",
    "key": "{message}",
    "value": "{message}",
}


def shown(value: object) -> str:
    """Return a value as it reads in a message: short, text in quotes."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    if isinstance(value, Mapping | list | tuple):
        kind, text = "mapping" if isinstance(value, Mapping) else "list", flow(value)
        return text if len(text) <= 40 else f"a {kind}"
    if isinstance(value, float):
        return f"{value:.12g}"
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def choice(value: object, options: Iterable[str]) -> str:
    """Return the refusal of a value that is none of the options."""
    options = tuple(options)
    which = " or ".join(options) if len(options) <= 2 else f"one of {', '.join(options)}"
    return f"must be {which}, not {shown(value)}{did_you_mean(value, options)}"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the refusal of a name that is not known, with the closest that is, or with all."""
    known = tuple(known)
    hint = did_you_mean(name, known, f"known are {', '.join(known)}")
    return f"unknown {what} {name!r}{hint}"


def _finding(details: ErrorDetails) -> Finding:
    """Message in simlab's words on what pydantic found wrong, with its path."""
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    loc = tuple(part for part in details["loc"] if not re.fullmatch(r"<.*>|\[key\]", str(part)))
    at_key = kind in ("extra_forbidden", "key") or "[key]" in details["loc"]
    if kind == "literal_error":
        message = choice(value, re.findall(r"'([^']*)'", context["expected"]))
    elif kind in ("int_type", "int_from_float") and isinstance(value, float):
        hint = f"; write {value:.0f}" if value.is_integer() else ""
        message = f"must be a whole number, not {value!r}{hint}"
    elif kind in ("int_type", "float_type") and isinstance(value, str) and GROUPED.fullmatch(value):
        message = WORDS[kind].format(value=shown(value)) + f"; write {value.replace('_', '')}"
    elif kind == "float_type" and type(value) is int:
        message = "must be a finite number, not one this large"
    elif kind == "greater_than" and context["gt"] == 0:
        message = f"must be positive, not {shown(value)}"
    else:
        bounds = {k: shown(v) if isinstance(v, float) else v for k, v in context.items()}
        if kind in ("too_long", "string_too_long"):  # pydantic stops counting at the limit
            bounds["length"] = len(value)
        message = (
            WORDS[kind].format(value=shown(value), **bounds) if kind in WORDS else details["msg"]
        )
    return Finding(loc, message, at_key)


def _unknown(cls: type[Section], finding: Finding) -> Finding:
    """Finding on an unknown field, with the fields that there are."""
    if finding.message != UNKNOWN or len(finding.loc) != 1:
        return finding
    known = keys(cls)
    hint = did_you_mean(finding.loc[0], known, f"the keys here are {', '.join(known)}")
    return finding._replace(message=f"{UNKNOWN}{hint}")
