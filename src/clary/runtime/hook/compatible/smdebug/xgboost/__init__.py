"""``from smdebug.xgboost import Hook``: the hook of a script in XGBoost, which is a callback."""

from __future__ import annotations

from typing import Any, ClassVar

from xgboost.callback import TrainingCallback

from clary.runtime.hook import boosting, scripted
from clary.runtime.hook.scripted import collection as Collection  # noqa: N812 - smdebug's name of it
from smdebug import CollectionKeys, SaveConfig, SaveConfigMode, modes

__all__ = ["Collection", "CollectionKeys", "Hook", "SaveConfig", "SaveConfigMode", "del_hook", "get_hook", "modes"]


class Hook(TrainingCallback, scripted.Hook):  # type: ignore[misc] # xgboost is not there when this is checked
    library: ClassVar[Any] = boosting
    saves_tensors = True

    def __init__(
        self,
        out_dir: str | None = None,
        *given: Any,
        hyperparameters: dict[str, Any] | None = None,
        train_data: Any = None,
        validation_data: Any = None,
        **named: Any,
    ) -> None:
        scripted.Hook.__init__(self, out_dir, *given, **named)
        evals = [] if validation_data is None else [(validation_data, "validation")]
        self._training = boosting.Training(hyperparameters or {}, train_data, evals)

    def before_training(self, model: Any) -> Any:
        return model

    def after_training(self, model: Any) -> Any:
        return model

    def after_iteration(self, model: Any, _: int, evals_log: Any) -> bool:
        training = getattr(self, "_training", None) or boosting.Training({}, None, [])
        self.inner.round(model, evals_log, training)
        return False


def get_hook(json_config_path: str | None = None, create_if_not_exists: bool = False) -> Any:
    return scripted.get_hook(Hook, json_config_path, create_if_not_exists)


def del_hook() -> None:
    boosting.current = None
