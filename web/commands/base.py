"""What all commands share: Russian help and complaints, the common options, the settings."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from searchsvc.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

HELP = "Показать эту справку"
OPTIONS = "[ПАРАМЕТРЫ]"


@dataclass
class Given:
    """The common options as given, before or after the command's name."""

    data_dir: Path | None = None
    config: Path | None = None


def given() -> Given:
    """Return the common options of the command being run."""
    return click.get_current_context().find_root().ensure_object(Given)


def _remember(context: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None and option.name:
        setattr(context.find_root().ensure_object(Given), option.name, Path(value))


def common_options() -> list[click.Parameter]:
    """Return the options that every command takes."""
    return [
        click.Option(
            ["--data-dir"],
            metavar="ПАПКА",
            help="Папка данных (иначе SEARCHSVC_DATA_DIR, иначе ./data)",
            expose_value=False,
            callback=_remember,
        ),
        click.Option(
            ["--config"],
            metavar="ФАЙЛ",
            help="Файл настроек (иначе SEARCHSVC_CONFIG, иначе ./searchsvc.toml)",
            expose_value=False,
            callback=_remember,
        ),
    ]


def with_settings(function: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
    """Give *function* the settings in force, as its first argument."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from searchsvc.settings import CONFIG_VARIABLE, load_settings
        from web.console import configure_logging

        options = given()
        if options.config is not None:
            os.environ[CONFIG_VARIABLE] = str(options.config)
        settings = load_settings(data_dir=options.data_dir)
        configure_logging(settings.log_level)
        return function(settings, *args, **kwargs)

    return run


def show_help() -> None:
    """Print the help of a group that was called without a command."""
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


class _Russian(click.Command):
    """A command whose help is in Russian."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("options_metavar", OPTIONS)
        super().__init__(*args, **kwargs)
        self.common = common_options()

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters, the common ones and help."""
        params = [*self.params, *self.common]
        help_option = self.get_help_option(ctx)
        if help_option is not None:
            help_option.help = HELP
            params.append(help_option)
        return params

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write how the command is called."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, "Вызов: ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the common ones."""
        params = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        own = [param for param in params if param not in self.common]
        for title, listed in (("Параметры", own), ("Общие параметры", self.common)):
            rows = [row for param in listed if (row := param.get_help_record(ctx)) is not None]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class Command(_Russian):
    """A command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments; what is left over is an error."""
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest:
            raise click.UsageError(f"Лишнее в команде: «{' '.join(rest)}».", ctx)
        return rest


class Group(_Russian, click.Group):
    """A command that has others; its callback calls ``show_help``, so that alone it explains itself."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("subcommand_metavar", f"КОМАНДА {OPTIONS}")
        super().__init__(*args, **kwargs)
        self.no_args_is_help = False
        self.invoke_without_command = True

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order they were added: the order of work."""
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write commands first: they are what one looks for."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, each with the first sentence of its help."""
        rows = [
            (name, command.get_short_help_str(200))
            for name, command in self.commands.items()
            if not command.hidden
        ]
        with formatter.section("Команды"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named first."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            close = difflib.get_close_matches(name, self.commands, 1)
            hint = f" Похожая: {close[0]}." if close else ""
            raise click.UsageError(f"Команды «{name}» нет.{hint}", ctx)
        return super().resolve_command(ctx, args)


Check = Callable[[click.Context, click.Parameter, str | None], Any]


def number(least: float, most: float, *, whole: bool = True) -> Check:
    """Return a check of an option: a number between two others; a comma may stand for the point."""

    def check(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        try:
            found: float = int(value) if whole else float(value.replace(",", "."))
        except ValueError:
            found = least - 1
        if not least <= found <= most:
            kind = "целое число" if whole else "число"
            message = f"нужно {kind} от {least:g} до {most:g}, а не «{value}»."
            raise click.BadParameter(message, ctx, param)
        return found

    return check


def one_of(*words: str) -> Check:
    """Return a check of an option: one of a few words."""

    def check(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
        if value is not None and value not in words:
            raise click.BadParameter(f"«{value}» не подходит; есть: {', '.join(words)}.", ctx, param)
        return value

    return check


def complaint(error: click.ClickException) -> str:
    """Return what click found wrong, in Russian."""
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"Не указано: {error.param.human_readable_name.upper()}."
    if isinstance(error, click.NoSuchOption):
        close = f" Похожий: {error.possibilities[0]}." if error.possibilities else ""
        return f"Параметра {error.option_name} нет.{close}"
    if isinstance(error, click.BadOptionUsage):
        return f"Параметр {error.option_name} указан неверно: проверьте, нужно ли ему значение."
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{error.param.opts[0]}: {error.message}"
    return error.format_message()
