"""The runs of one language out of the vectors of mixed text, as vectors of their own."""

from engine.text.symbols import UNKNOWN, symbol_ids
from tests.parity.kit.text_vectors import Answer, Comparison, Record, compare, reasons, vectors


def runs_of(language: str) -> dict[str, Record]:
    """Every run of a language by the vector's id and its place, such as `d1155/0`."""
    found = {}
    for name, record in vectors([], levels=["pipeline"]).items():
        for place, run in enumerate(record.get("segments", [])):
            if run["lang"] == language and (record["version"] == "v2" or language in {"zh", "en", "ja"}):
                found[f"{name}/{place}"] = {**run, "version": record["version"], "level": "run"}
    return found


def compare_runs(language: str) -> Comparison:
    """What the front end of a language gives for its runs, beside the original."""
    from engine.text.frontend import phonemize

    def speak(record: Record) -> Answer:
        spoken = phonemize(record["text"], language, record["version"])
        return spoken.phones, spoken.word2ph

    return compare(runs_of(language), speak, reasons(language))


def known(phone: str) -> bool:
    """Whether a phone is in the table of the newer models and is not the sign for none."""
    return phone in symbol_ids("v2") and phone != UNKNOWN
