from __future__ import annotations

import pytest

from medl.automl.console.settings import CONSOLE_SETTINGS, PORT, ConsoleSettings, host_fault, read_console
from medl.automl.settings import job_settings, read_settings
from medl.errors import ConfigError


def test_without_a_word_it_listens_on_claras_port_of_the_loopback():
    assert read_console({}) == ConsoleSettings("127.0.0.1", 33330)
    assert PORT == 33330


def test_it_can_be_switched_off_and_moved():
    assert read_console(read_settings(["console=false"])) is None
    assert read_console(read_settings(["console_port=0"]), kept=5) == ConsoleSettings(port=0, kept=5)
    assert read_console({"console_host": "localhost"}).host == "localhost"


def test_its_settings_are_none_of_the_jobs():
    words = [f"{name}=1" for name in CONSOLE_SETTINGS]
    assert job_settings(read_settings([*words, "epochs=3"])) == {"epochs": 3}


def test_an_address_beyond_this_machine_needs_tls(tmp_path):
    cert = tmp_path / "cert.pem"
    cert.write_text("x")
    with pytest.raises(ConfigError, match="without TLS"):
        read_console({"console_host": "0.0.0.0"})
    assert read_console({"console_host": "0.0.0.0", "console_cert": str(cert)}).cert == cert
    assert read_console({"console": False, "console_host": "0.0.0.0"}) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_loopback_is_safe(host):
    try:
        assert host_fault(host, tls=False) == ""
    except AssertionError:
        if host != "::1":  # where the machine has no IPv6 the name means nothing
            raise


def test_every_problem_is_told_at_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read_console(
            {
                "console": "yes please",
                "console_port": 70000,
                "console_cert": str(tmp_path / "none.pem"),
                "console_key": "",
            }
        )
    assert [problem.path for problem in caught.value.problems] == ["console", "console_port", "console_cert"]
    with pytest.raises(ConfigError, match="goes with console_cert"):
        read_console({"console_key": __file__})
    with pytest.raises(ConfigError, match="no name or address"):
        read_console({"console_host": "no such host.invalid"})
