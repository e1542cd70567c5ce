"""Checks what a command line asks for before Hydra acts on it, and reports every mistake at once.

Hydra stops at the first mistake. Here its own loader composes the config, its own parser reads the
overrides, and each override and each value of a sweep is tried alone.
"""

from __future__ import annotations

import copy
import dataclasses
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from hydra import version
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep, ValueType
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from components.base import UserError
from runner.config import schema
from runner.config.members import is_ensemble, loader, replace_names
from runner.config.refusals import (
    first_line,
    hydra_keys,
    key_of,
    missing_references,
    not_an_override,
    not_installed,
    refusal,
    run_groups,
    text_of,
    unread,
)
from runner.config.reserved import check_files
from runner.config.validate import ConfigError, Problem, check_config, report
from runner.terminal.console import nearest, override, shell_line, shell_quote

# With one of these Hydra only shows something, and runs nothing.
_SHOWS = ("hydra_help", "cfg", "info", "shell_completion")
_ONE = "a call makes one run. Call it once for each value, or sweep on the command line."


def preflight(arguments: list[str]) -> list[str]:
    """Check the arguments of `python -m runner`; returns them as Hydra reads them, flags first.

    Raises
    ------
    UserError
        Naming every mistake, each with its path, its value and the nearest right name.
    """
    options = parse_flags(arguments)
    check = Check(arguments, options.config_name or "config", options.config_dir)
    shows = any(getattr(options, name) for name in _SHOWS)
    if shows and options.multirun:
        rest = [a for a in arguments if a not in ("-m", "--multirun")]
        raise UserError(
            "-m runs a sweep, and the other flag only shows something. Type "
            + shell_line("", *rest)
        )
    if not (options.hydra_help or options.shell_completion):
        check.run(options.overrides, multirun=options.multirun, values=not shows)
    flags = list(arguments)
    for text in options.overrides:
        flags.remove(text)
    return [*flags, *options.overrides]


def compose(overrides: Iterable[str], config_dir: str | Path | None = None) -> DictConfig:
    """The checked config of one run, Hydra's own settings under `hydra` included.

    Raises
    ------
    UserError
        See `preflight`.
    """
    texts = list(overrides)
    return Check(None, "config", None if config_dir is None else str(config_dir)).run(texts)


def parse_flags(arguments: list[str]) -> Namespace:
    """The arguments by Hydra's own flags."""
    parser = get_args_parser()
    names = [name for action in parser._actions for name in action.option_strings]

    def refuse(message: str) -> NoReturn:
        unknown = next(
            (a for a in arguments if a[:1] == "-" and a.partition("=")[0] not in names), ""
        )
        hint = nearest(unknown, [name for name in names if name[:2] == "--"], otherwise="")
        raise UserError(f"{unknown}: there is no such flag.{hint}" if unknown else message)

    parser.error = refuse  # type: ignore[method-assign]
    options = parser.parse_intermixed_args(arguments)
    if options.config_path:
        raise UserError(
            "--config-path would take the place of every option that there is. A folder of your "
            "own is added with --config-dir FOLDER"
        )
    if options.experimental_rerun:
        raise UserError(
            "--experimental-rerun loads a pickle, which can run any code. To repeat a run: "
            + shell_line("replay", "run=OUTPUT_FOLDER")
        )
    if options.config_dir and not Path(options.config_dir).is_dir():
        raise UserError(
            f"--config-dir: there is no folder '{Path(options.config_dir).absolute()}'."
        )
    return options


class Check:
    """Composes a config from overrides and collects what is wrong with it.

    Parameters
    ----------
    arguments : the whole command line, for the commands that a message suggests; None in Python,
        where one run is made
    config_name : the primary config
    config_dir : a folder with more options
    """

    def __init__(
        self, arguments: list[str] | None, config_name: str, config_dir: str | None
    ) -> None:
        version.setbase("1.3")
        setup_globals()
        schema.register()
        self._arguments = arguments
        self._name = config_name
        self._loader = loader(config_dir)
        self._parser = OverridesParser.create(config_loader=self._loader)
        self._searchpath: list[str] = []
        self._options: dict[tuple[str, ...], list[str]] = {}
        self._repositories: dict[tuple[str, ...], CachingConfigRepository] = {}
        self._problems: list[Problem] = []
        self._refused: set[str] = set()  # what OmegaConf has emptied when a key below was refused
        self._config_dir = config_dir
        self._multirun = False
        self._options_typed: list[str] = []

    def run(
        self, texts: Iterable[str], *, multirun: bool = False, values: bool = True
    ) -> DictConfig:
        """Check everything; returns the config with the first value of each sweep.

        Parameters
        ----------
        texts : overrides
        multirun : whether `-m` was given
        values : check the values of the composed config too

        Raises
        ------
        UserError
            With every mistake.
        """
        if not self._is_option("", self._name):
            names = {n for n in self._options_of("") if n[0] != "_"} - {"run_schema"}
            self._note(
                f"--config-name={self._name}",
                f"there is no such config.{nearest(self._name, names)}",
            )
            raise self._error()
        texts = list(texts)
        self._multirun = multirun
        overrides = [o for text in texts for o in self._parse(text, multirun)]
        self._searchpath = [
            str(o.input_line) for o in overrides if o.key_or_group == "hydra.searchpath"
        ]
        groups, settings = self._sort(overrides)
        self._options_typed = [text_of(chosen[0]) for chosen in groups.values()]
        config = self._compose(groups)
        if config is None:
            raise self._error()
        if self._arguments is None and self._mode(config, settings) == RunMode.MULTIRUN:
            self._note("hydra.mode=MULTIRUN", _ONE)
            raise self._error()
        if multirun or self._mode(config, settings) == RunMode.MULTIRUN:
            # As in Hydra, what is typed takes the place of what a preset sweeps.
            typed = {o.get_key_element() for o in overrides}
            params = config.hydra.sweeper.get("params") or {}
            preset = [
                o for key, value in params.items() for o in self._parse(f"{key}={value}", True)
            ]
            more, first = self._sort([o for o in preset if o.get_key_element() not in typed])
            groups, settings = groups | more, [*first, *settings]
            if more:
                config = self._compose(groups) or config
        else:
            self._refuse_sweeps(overrides)
        self._check(config, groups, settings, texts, values)
        if not self._problems and is_ensemble(config):
            self._problems += replace_names(config, self._loader, self._searchpath)
        if self._problems:
            raise self._error()
        return config

    def _error(self) -> ConfigError:
        return ConfigError(report(self._tried()))

    def _tried(self) -> Iterator[Problem]:
        """The problems; in place of a suggestion that would be refused, why it would be."""
        for problem in self._problems:
            if problem.suggestion is None:
                yield problem
            else:
                yield from self._refusals(problem.suggestion) or [problem]

    def _refusals(self, text: str, *, multirun: bool | None = None) -> list[Problem]:
        """What is wrong with an override where no other stands beside it but the options."""
        check = Check(self._arguments, self._name, self._config_dir)
        typed = [*self._searchpath, *(o for o in self._options_typed if key_of(o) != key_of(text))]
        try:
            check.run([*typed, text], multirun=self._multirun if multirun is None else multirun)
        except ConfigError:
            key = f"{key_of(text)}."
            return [p for p in check._tried() if f"{key_of(p.path)}.".startswith(key)]
        return []

    def _note(self, path: str, message: str, suggestion: str | None = None) -> None:
        self._problems.append(Problem(path, message, suggestion))

    def _parse(self, text: str, multirun: bool) -> list[Override]:
        """One override; where its value lacks quotes that is noted, and it is read with them."""
        try:
            return self._parser.parse_overrides([text])
        except HydraException:
            key, equals, value = text.partition("=")
            parts = value.split(",") if multirun else [value]
            quoted = key + equals + ",".join(override("", part)[1:] for part in parts if equals)
            try:
                parsed = self._parser.parse_overrides([quoted])
            except HydraException:
                self._problems.append(not_an_override(text, self._loader.list_groups("")))
                return []
            self._note(text, f"this value needs quotes. Type {shell_quote(quoted)}", quoted)
            return parsed

    def _sort(self, overrides: list[Override]) -> tuple[dict[str, list[Override]], list[Override]]:
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
            elif "." in each.key_or_group or not self._options_of(each.key_or_group):
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
        bases = [o for o in self._options_of(each.key_or_group) if o[0] == "_"]
        if each.value_type == ValueType.GLOB_CHOICE_SWEEP and set(bases) & set(
            each.sweep_iterator()
        ):
            hint = f"{text_of(each).removesuffix(')')},exclude=_*)"
            self._note(
                text_of(each), f"{', '.join(bases)} are no options. Type {shell_quote(hint)}"
            )
            return []
        return [choice for choice in _choices(each) if self._has_option(choice)]

    def _has_option(self, choice: Override) -> bool:
        """Whether the options chosen are there; what is not is noted."""
        group, value = choice.key_or_group, choice.value()
        options = value if isinstance(value, list) else [value]
        missing = [option for option in options if not self._is_option(group, str(option))]
        for option in missing:
            path = f"{choice.get_key_element()}={'null' if option is None else option}"
            if group == "hydra/launcher" and (reason := not_installed(str(option))):
                self._note(path, reason)
            elif option is None:
                self._note(path, "names no option. Leave it out.")
            else:
                names = [name for name in self._options_of(group) if name[:1] != "_"]
                self._note(path, f"there is no such option.{nearest(str(option), names)}")
        return not missing

    def _is_option(self, group: str, option: str) -> bool:
        folder, _, leaf = option.removesuffix(".yaml").rpartition("/")
        # A name that begins with _ is a base that options extend, not an option.
        return leaf[:1] != "_" and leaf in self._options_of("/".join(filter(None, [group, folder])))

    def _options_of(self, group: str) -> list[str]:
        """Names of the options of a group, those of `hydra.searchpath` included."""
        place = (group, *self._searchpath)
        if place not in self._options:
            repository = self._repository(*self._searchpath)
            names = repository.get_group_options(group)
            # It may hold folders alone.
            self._options[place] = names or repository.get_group_options(group, None)
        return self._options[place]

    def _repository(self, *searchpath: str) -> CachingConfigRepository:
        """All folders of options, made once: the primary config is read for it each time."""
        if searchpath not in self._repositories:
            _, repository = self._loader._parse_overrides_and_create_caching_repo(
                self._name, [*searchpath]
            )
            self._repositories[searchpath] = repository
        return self._repositories[searchpath]

    def _compose(self, groups: dict[str, list[Override]]) -> DictConfig | None:
        """The config with the first choice of each group; None, noted, where that cannot be."""
        texts = [str(choices[0].input_line) for choices in groups.values()]
        try:
            return self._loader.load_configuration(
                self._name, [*self._searchpath, *texts], RunMode.RUN, validate_sweep_overrides=False
            )
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            launcher = next((t for t in texts if t.startswith("hydra/launcher=")), "")
            if reason := not_installed(launcher.partition("=")[2]):
                self._note(launcher, reason)
            else:
                self._note(" ".join(texts) or self._name, first_line(error))
            return None

    def _mode(self, config: DictConfig, settings: list[Override]) -> object:
        typed = [o.value() for o in settings if o.key_or_group == "hydra.mode"]
        return (
            RunMode[str(typed[-1])]
            if typed and str(typed[-1]) in RunMode.__members__
            else (config.hydra.mode)
        )

    def _refuse_sweeps(self, overrides: list[Override]) -> None:
        for each in overrides:
            if not each.is_sweep_override() or each.value_type == ValueType.INTERVAL_SWEEP:
                continue
            text = text_of(each)
            if self._arguments is None:
                self._note(text, _ONE)
                continue
            lines = []
            refused = self._refusals(text, multirun=True)
            if not refused:
                lines.append("Type " + shell_line("", "-m", *self._arguments))
            if each.value_type == ValueType.SIMPLE_CHOICE_SWEEP:
                key, _, value = text.partition("=")
                for kind, other in (("text", override(key, value)), ("list", f"{key}=[{value}]")):
                    if not self._refusals(other):
                        lines.append(f"    as one {kind}: {shell_quote(other)}")
            if lines:
                self._note(text, "several values are a sweep. " + "\n".join(lines).lstrip())
            else:
                self._problems += refused

    def _check(
        self,
        config: DictConfig,
        groups: dict[str, list[Override]],
        settings: list[Override],
        typed: list[str],
        values: bool,
    ) -> None:
        """Try every setting, then every other choice of a group, then every value of a sweep."""
        swept = {key: chosen for key, chosen in groups.items() if len(chosen) > 1}
        others = [
            (key, {**groups, key: [choice]})
            for key, chosen in swept.items()
            for choice in chosen[1:]
        ]
        self._apply(config, settings)
        self._problems += check_files(config, typed)
        self._problems += missing_references(config, settings)
        if values:
            self._problems += self._checked(config)
        for key, choice in others:
            other = self._compose(choice)
            if other is None:
                continue
            self._apply(other, settings)
            self._problems += check_files(other, typed)
            if values:
                role = key.partition("@")[0].partition("/")[0]
                self._problems += self._checked(other, role if role in other else None)
        for each in settings:
            first, *more = [*_choices(each)] or [each]
            role = each.key_or_group.partition(".")[0]
            for one in more:
                self._apply(config, [one])
                if values and role in config:
                    self._problems += self._checked(config, role)
            if more:
                self._apply(config, [first])

    def _checked(self, config: DictConfig, only: str | None = None) -> list[Problem]:
        named: list[Problem] = []
        if is_ensemble(config):
            config = copy.deepcopy(config)  # a sweep's next value takes the place of the names
            named = list(replace_names(config, self._loader, self._searchpath))
        if only is None:
            config = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
        problems = [] if only == "hydra" else check_config(config, only)
        problems = [*named, *problems]
        return [p for p in problems if p.path.partition("=")[0] not in self._refused]

    def _apply(self, config: DictConfig, settings: list[Override]) -> None:
        """Apply each setting, of a sweep the first value; what cannot be is noted."""
        for each in settings:
            one = next(iter(_choices(each)), None)
            if one is None:
                self._note(text_of(each), "names no value.")
                continue
            if keys := hydra_keys(config, one):
                self._note(
                    text_of(one), f"this key holds others. Set one of them: {', '.join(keys)}"
                )
                continue
            try:
                self._loader._apply_overrides_to_config([one], config)
            except (HydraException, OmegaConfBaseException, ValueError, OverflowError) as error:
                self._problems.append(refusal(config, one, error))
                self._refused.add(one.key_or_group.rpartition(".")[0])
            else:
                if one.is_add() or one.is_force_add():
                    self._problems += unread(config, one)


def _choices(each: Override) -> Iterator[Override]:
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
