"""The hook as scripts that import smdebug know it: the names, arguments and defaults of smdebug 1.0.34's user interface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from clary.formats.tensors.collections import Steps
from clary.formats.tensors.layout import Mode
from clary.runtime.hook import configuration, imports
from clary.runtime.hook.configuration import Collection, Configuration


@dataclass(frozen=True)
class SaveConfigMode:
    """The steps of one mode; None for the hook's own."""

    save_interval: int | None = None
    start_step: int | None = None
    end_step: int | None = None
    save_steps: Iterable[int] | None = None

    def steps(self, interval: int) -> Steps:
        """``interval``: the hook's own."""
        named = tuple(self.save_steps or ())
        return Steps(self.save_interval or interval, self.start_step or 0, self.end_step, named)


class SaveConfig:
    """The steps of each mode."""

    def __init__(
        self,
        mode_save_configs: Mapping[Mode, SaveConfigMode | None] | None = None,
        save_interval: int | None = None,
        start_step: int | None = None,
        end_step: int | None = None,
        save_steps: Iterable[int] | None = None,
    ) -> None:
        alike = SaveConfigMode(save_interval, start_step, end_step, save_steps)
        self.by_mode = dict.fromkeys(Mode, alike) if mode_save_configs is None else dict(mode_save_configs)

    def steps(self, interval: int) -> dict[Mode, Steps]:
        """``interval``: the hook's own. A mode that has None is left to the hook."""
        return {mode: each.steps(interval) for mode, each in self.by_mode.items() if each is not None}


class ReductionConfig:
    """What tensors are reduced to."""

    def __init__(
        self,
        reductions: Iterable[str] | None = None,
        abs_reductions: Iterable[str] | None = None,
        norms: Iterable[str] | None = None,
        abs_norms: Iterable[str] | None = None,
        save_raw_tensor: bool = False,
    ) -> None:
        named = [*(reductions or ()), *(f"abs_{each}" for each in abs_reductions or ())]
        named += [*(norms or ()), *(f"abs_{each}" for each in abs_norms or ())]
        self.names = configuration.reductions(named, "ReductionConfig")
        self.raw = save_raw_tensor


def collection(
    name: str,
    include_regex: Iterable[str] | None = None,
    tensor_names: Iterable[str] | None = None,
    reduction_config: ReductionConfig | None = None,
    save_config: SaveConfig | Mapping[Mode, SaveConfigMode] | None = None,
    save_histogram: bool = True,
) -> Collection:
    """A collection of the script's own, to be given to ``add_collection``."""
    saved = SaveConfig(save_config) if isinstance(save_config, Mapping) else save_config
    return Collection(
        name,
        list(include_regex or ()),
        set(tensor_names or ()),
        saved.steps(500) if saved is not None else {},
        reduction_config.names if reduction_config is not None else None,
        reduction_config.raw if reduction_config is not None else None,
        save_histogram,
    )


class Hook:
    """``library``: the module whose hook it is; ``inner``: its hook, if it is not that of the process."""

    library: ClassVar[Any]

    def __init__(
        self,
        out_dir: str | None = None,
        export_tensorboard: bool = False,
        tensorboard_dir: str | None = None,
        dry_run: bool = False,
        reduction_config: ReductionConfig | None = None,
        save_config: SaveConfig | Mapping[Mode, SaveConfigMode] | None = None,
        include_regex: Iterable[str] | None = None,
        include_collections: Iterable[str] | None = None,
        save_all: bool = False,
        include_workers: str = "one",
        **_: Any,
    ) -> None:
        if out_dir is None:
            raise RuntimeError("out_dir is a required argument")
        interval = self.library.INTERVAL
        saved = SaveConfig(save_config) if isinstance(save_config, Mapping) else save_config or SaveConfig()
        steps = {**dict.fromkeys(Mode, Steps(interval)), **saved.steps(interval)}
        board = tensorboard_dir or (f"{out_dir}/tensorboard" if export_tensorboard else None)
        names = () if dry_run else include_collections or ()
        own = Configuration(
            folder=Path(out_dir).expanduser(),
            board=Path(board).expanduser() if board else None,
            checkpoints=None,
            steps=steps,
            reductions=reduction_config.names if reduction_config is not None else (),
            include_regex=tuple(include_regex or ()),
            save_all=save_all,
            all_workers=include_workers == "all",
            collections=tuple(Collection(name, saved=True, steps=dict(steps)) for name in names),
        )
        self._take(self.library.Hook(own))

    @classmethod
    def create_from_json_file(cls, json_file_path: str | None = None) -> Hook:
        """That of the platform's configuration, or of another file; ``FileNotFoundError``."""
        if json_file_path is None and cls.library.current is not None:
            return cls._of(cls.library.current)
        file = Path(json_file_path) if json_file_path else None
        return cls._of(cls.library.Hook(configuration.read(cls.library.INTERVAL, file)))

    hook_from_config = create_from_json_file

    @classmethod
    def _of(cls, inner: Any) -> Hook:
        self = cls.__new__(cls)
        self._take(inner)
        return self

    def _take(self, inner: Any) -> None:
        """Be the process's hook from now on."""
        before = self.library.current
        if before is not None and before is not inner:
            before.off = True
            before.switch_off()
        self.library.current = inner
        self.library.patch()
        self.inner = inner

    # what scripts call

    def set_mode(self, mode: Mode) -> None:
        self.inner.set_mode(Mode(mode))

    def save_scalar(self, name: str, value: Any, sm_metric: bool = False, timestamp: float | None = None) -> None:
        """Save a number with the next tensors."""
        self.inner.scalar(name, value, sm_metric, timestamp)

    def save_tensor(
        self, tensor_name: str, tensor_value: Any, collections_to_write: str | Iterable[str] = "default"
    ) -> None:
        """Save a tensor of the script's own at this step."""
        names = [collections_to_write] if isinstance(collections_to_write, str) else list(collections_to_write)
        for name in names:
            self.get_collection(name).add_tensor_name(tensor_name)
        self.inner.changed()
        self.inner.tensor(tensor_name, tensor_value)

    def get_collection(self, name: str, create: bool = True) -> Collection:
        """That of the name, made and saved if there was none."""
        found = self.inner.saver.collections
        if name not in found:
            if not create:
                raise KeyError(f"Collection {name} has not been created")
            found[name] = Collection(name, saved=True)
        self.inner.changed()
        collection_: Collection = found[name]
        return collection_

    def get_collections(self) -> dict[str, Collection]:
        """By name; a copy."""
        return dict(self.inner.saver.collections)

    def add_collection(self, added: Collection) -> None:
        """Take it in, and save it."""
        added.saved = True
        self.inner.saver.collections[added.name] = added
        self.inner.changed()

    def close(self) -> None:
        self.inner.close()


def get_hook(kind: type[Hook], json_config_path: str | None, create: bool) -> Hook | None:
    """The process's hook; None if there is none and none is to be made, or no configuration."""
    if kind.library.current is not None:
        return kind._of(kind.library.current)
    if not create or not imports.is_on():
        return None
    try:
        return kind.create_from_json_file(json_config_path)
    except FileNotFoundError:
        return None
