"""Reads overrides by the groups and options that there are."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra.core.default_element import ConfigDefault, GroupDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep, ValueType
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from runner.config.problems import Problem
from runner.config.refusals import not_an_override, not_installed, text_of, with_spaces
from runner.config.schema import run_groups
from runner.config.unknown_keys import named_by_content
from runner.terminal.suggestions import nearest, override, quote_within, shell_quote


class Overrides:
    """Parses overrides, tells choices of options from settings, and notes what is wrong.

    Parameters
    ----------
    config_loader : Hydra's, which knows every folder of options
    config_name : the primary config
    problems : where mistakes are noted
    """

    def __init__(
        self, config_loader: ConfigLoaderImpl, config_name: str, problems: list[Problem]
    ) -> None:
        self.searchpath: list[str] = []  # the override of hydra.searchpath, where there is one
        self._loader = config_loader
        self._parser = OverridesParser.create(config_loader=config_loader)
        self._name = config_name
        self._problems = problems
        self._options: dict[tuple[str, ...], list[str]] = {}
        self._repositories: dict[tuple[str, ...], CachingConfigRepository] = {}

    def parse_all(self, texts: list[str], multirun: bool) -> list[Override]:
        """What was typed, word by word; see `parse`."""
        return [
            override
            for place, text in enumerate(texts)
            for override in self.parse(text, multirun, with_spaces(texts, place))
        ]

    def parse(self, text: str, multirun: bool, whole: str = "") -> list[Override]:
        """One override; where its value lacks quotes that is noted, and it is read with them.

        whole : the override that the shell may have cut at a space
        """
        try:
            return self._parser.parse_overrides([text])
        except HydraException:
            key, equals, value = text.partition("=")
            if value[:1] in ("[", "{"):
                within = self._parse_within(text, key, value)
                if within is not None:
                    return within
            parts = value.split(",") if multirun else [value]
            quoted = key + equals + ",".join(override("", part)[1:] for part in parts if equals)
            try:
                parsed = self._parser.parse_overrides([quoted])
            except HydraException:
                self._problems.append(not_an_override(text, self._loader.list_groups(""), whole))
                return []
            self._note(text, f"this value needs quotes. Type {shell_quote(quoted)}", quoted)
            return parsed

    def _parse_within(self, text: str, key: str, value: str) -> list[Override] | None:
        """A list or a mapping whose texts lack quotes: noted, and read with them.

        None where it is neither.
        """
        quoted = f"{key}={quote_within(value)}"
        try:
            parsed = self._parser.parse_overrides([quoted])
        except HydraException:
            name = re.search(r"[{,]\s*([^\s{}\[\],:]*[^\x00-\x7f\s{}\[\],:][^{}\[\],:]*):", value)
            if name is None:
                return None
            self._note(
                text,
                f"the name {name[1]!r} cannot be typed here: on the command line, those of a "
                "mapping are of a-z, A-Z, 0-9 and _. Write the mapping to my_conf/experiment/"
                "mine.yaml, after a first line `# @package _global_`, and type --config-dir "
                "my_conf experiment=mine",
            )
            return []
        self._note(text, f"a text in it needs quotes. Type {shell_quote(quoted)}", quoted)
        return parsed

    def sort(self, overrides: list[Override]) -> tuple[dict[str, list[Override]], list[Override]]:
        """The choices of options, by group and one for each option, and all other overrides."""
        groups: dict[str, list[Override]] = {}
        settings = []
        for each in overrides:
            key = each.get_key_element()
            if not each.key_or_group:
                self._problems.append(not_an_override(text_of(each), ()))
            elif each.value_type == ValueType.INTERVAL_SWEEP:
                hint = f"{each.key_or_group}=range(1,4)"
                self._note(
                    text_of(each),
                    "an interval has no end of values, and Hydra's own sweeper takes a list of "
                    f"them: {shell_quote(hint)}, or some: {each.key_or_group}=1,2,3",
                )
            elif "." in each.key_or_group or not self.options_of(each.key_or_group):
                if each.value_type == ValueType.GLOB_CHOICE_SWEEP:
                    self._note(text_of(each), "glob chooses among the options of a group.")
                else:
                    settings.append(each)
            elif isinstance(each.value(), dict):
                settings.append(each)
            elif each.is_delete():
                groups[key] = [each]
            elif each.is_add() and each.package is None and each.key_or_group in run_groups():
                self._note(text_of(each), f"this group is there already. Type {text_of(each)[1:]}")
            else:
                groups[key] = self._chosen(each)
        return {key: chosen for key, chosen in groups.items() if chosen}, settings

    def _chosen(self, each: Override) -> list[Override]:
        """The choices of a group's override that are options."""
        bases = [o for o in self.options_of(each.key_or_group) if o[0] == "_"]
        if each.value_type == ValueType.GLOB_CHOICE_SWEEP and set(bases) & set(
            each.sweep_iterator()
        ):
            hint = f"{text_of(each).removesuffix(')')},exclude=_*)"
            self._note(
                text_of(each), f"{', '.join(bases)} are no options. Type {shell_quote(hint)}"
            )
            return []
        return [choice for choice in choices(each) if self._has_option(choice)]

    def _has_option(self, choice: Override) -> bool:
        """Whether the options chosen are there; what is not is noted."""
        group, value = choice.key_or_group, choice.value()
        options = value if isinstance(value, list) else [value]
        missing = [option for option in options if not self.is_option(group, str(option))]
        for option in missing:
            path = f"{choice.get_key_element()}={'null' if option is None else option}"
            if group == "hydra/launcher" and (reason := not_installed(str(option))):
                self._note(path, reason)
            elif option is None:
                self._note(path, "names no option. Leave it out.")
            else:
                names = [name for name in self.options_of(group) if name[:1] != "_"]
                hint = named_by_content(group, str(option)) or nearest(str(option), names)
                self._note(path, f"there is no such option.{hint}")
        return not missing

    def is_option(self, group: str, option: str) -> bool:
        folder, _, leaf = option.removesuffix(".yaml").rpartition("/")
        # A name that begins with _ is a base that options extend, not an option.
        return leaf[:1] != "_" and leaf in self.options_of("/".join(filter(None, [group, folder])))

    def options_of(self, group: str) -> list[str]:
        """Names of the options of a group, those of `hydra.searchpath` included."""
        place = (group, *self.searchpath)
        if place not in self._options:
            repository = self._repository(*self.searchpath)
            names = repository.get_group_options(group)
            # It may hold folders alone.
            self._options[place] = names or repository.get_group_options(group, None)
        return self._options[place]

    def options_with(self, group: str, key: str, value: object = None) -> list[str]:
        """The options of a group whose YAML, or a base of it, has a key; the default first.

        The files are read, and not composed, which would take a tenth of a second for each.

        Parameters
        ----------
        value : what the key holds there; None: anything
        """
        names = [name for name in self.options_of(group) if name[:1] != "_"]
        primary = self._repository(*self.searchpath).load_config(self._name)
        defaults = (primary.defaults_list if primary else None) or []
        default = [d.value for d in defaults if isinstance(d, GroupDefault) and d.group == group]
        names.sort(key=lambda name: name not in default)
        return [name for name in names if self._has(f"{group}/{name}", key, value)]

    def _has(self, path: str, key: str, value: object) -> bool:
        source = self._repository(*self.searchpath).load_config(path)
        if source is None:
            return False
        content: Any = OmegaConf.to_container(source.config, resolve=False)
        if key in content:
            return value is None or content[key] == value
        bases = [d.path for d in source.defaults_list or [] if isinstance(d, ConfigDefault)]
        folder = path.rpartition("/")[0]
        return any(
            self._has(f"{folder}/{base}", key, value)
            for base in bases
            if base not in (None, "_self_")
        )

    def _repository(self, *searchpath: str) -> CachingConfigRepository:
        """All folders of options, made once: the primary config is read for it each time."""
        if searchpath not in self._repositories:
            _, repository = self._loader._parse_overrides_and_create_caching_repo(
                self._name, [*searchpath]
            )
            self._repositories[searchpath] = repository
        return self._repositories[searchpath]

    def _note(self, path: str, message: str, suggestion: str | None = None) -> None:
        self._problems.append(Problem(path, message, suggestion))


def mode_of(config: DictConfig, settings: list[Override]) -> object:
    """Hydra's mode, RUN or MULTIRUN: as it was typed, or else as the config says."""
    typed = [str(o.value()) for o in settings if o.key_or_group == "hydra.mode"]
    return RunMode.__members__.get(typed[-1], config.hydra.mode) if typed else config.hydra.mode


def choices(each: Override) -> Iterator[Override]:
    """A sweep's values as overrides of their own; of a range, where all are alike, the ends."""
    if not each.is_sweep_override():
        yield each
        return
    values = list(each.sweep_iterator())
    if isinstance(each._value, RangeSweep) and len(values) > 2:
        values = [values[0], values[-1]]
    texts = each.sweep_string_iterator() if each.is_choice_sweep() else map(str, values)
    for value, text in zip(values, texts, strict=True):
        yield dataclasses.replace(
            each,
            _value=value,
            value_type=ValueType.ELEMENT,
            input_line=f"{each.get_key_element()}={text}",
        )
