"""What a practice may never ask on its form (B-03, B-04): the label or the key gives it away.

An exception needs lib-rdv's review and health-data hosting; neither exists here, so there is none.
"""

import re
import unicodedata

_DENIED = (
    r"\bn\.?i\.?r\b|securite sociale|num(ero)? (de )?secu|carte vitale|\bnss\b|\bins\b|\bine\b",
    r"naissance|\bne\(?e?\)? le\b|\bage\b|\bddn\b|birth",
    r"symptom|diagnos|patholog|maladie|antecedent|allerg|handicap|douleur|blessure|motif medical",
    r"grossesse|enceinte|pregnan|contracept",
    r"medicament|traitement|ordonnance|posologie|vaccin",
    r"religion|confession|croyance|ethni|origine|nationalite|opinion|syndica|orientation|sexuel",
    r"\bsexe\b|\bgenre\b|\bpoids\b|\btaille\b|\bimc\b",
    r"mutuelle|assurance|\biban\b|carte bancaire|revenu|profession du|situation (de )?famil",
    r"mot de passe|password|casier|condamnation",
)
_PATTERN = re.compile("|".join(f"(?:{part})" for part in _DENIED))


def is_denied(*texts: str) -> bool:
    """Return whether a label, key or choice asks for what B-03 refuses."""
    return any(_PATTERN.search(_plain(text)) for text in texts)


def _plain(text: str) -> str:
    """Lower case without accents; anything but letters, digits, brackets and full stops is a space."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9().]+", " ", bare)
