"""A named-entity model as a plug-in of redaction: off by default, named by the setting `entity_recogniser`.

The setting is `MODULE:FACTORY`; the factory takes nothing and gives an object with `find(texts)` (see
`patterns.EntityRecogniser`). Whatever it does wrong stops the batch without a word of the texts: a model that is down
must not let names through.
Does not live here: structured identifiers and people's own names, which are found without a model.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module

from assets.memory.patterns import EntityRecogniser, Span
from warehouse.settings import Settings


class RecogniserFailed(RuntimeError):
    """The named-entity model could not be loaded, failed, or gave something that is not spans of its texts."""


def recogniser(settings: Settings) -> EntityRecogniser | None:
    """The model of the settings, loaded once per process; None when there is none.

    Raises:
        RecogniserFailed: it cannot be loaded.
    """
    return _loaded(settings.entity_recogniser) if settings.entity_recogniser else None


@lru_cache(maxsize=2)
def _loaded(setting: str) -> EntityRecogniser:
    module, _, factory = setting.partition(":")
    if not module or not factory:
        raise RecogniserFailed("entity_recogniser: expected MODULE:FACTORY")
    try:
        found = getattr(import_module(module), factory)()
    except Exception as failure:  # noqa: BLE001 - whatever a plug-in raises
        raise RecogniserFailed(
            f"entity_recogniser: {module}:{factory} could not be loaded: {type(failure).__name__}"
        ) from None
    return _Checked(found, setting)


class _Checked:
    """A model whose answers are checked."""

    def __init__(self, model: EntityRecogniser, name: str) -> None:
        self._model = model
        self._name = name

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """Spans per text.

        Raises:
            RecogniserFailed: the model raised, or its spans do not fit the texts.
        """
        if not texts:
            return []
        try:
            answers = [list(spans) for spans in self._model.find(texts)]
            fits = len(answers) == len(texts) and all(
                isinstance(span, Span) and 0 <= span.start < span.end <= len(text) and span.kind
                for text, spans in zip(texts, answers, strict=True)
                for span in spans
            )
        except Exception as failure:  # noqa: BLE001 - its message may quote a text
            raise RecogniserFailed(f"entity_recogniser: {self._name} raised {type(failure).__name__}") from None
        if not fits:
            raise RecogniserFailed(
                f"entity_recogniser: {self._name}: expected spans inside each of {len(texts)} texts, got others"
            )
        return answers
