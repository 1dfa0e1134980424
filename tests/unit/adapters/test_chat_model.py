"""What settings make of the LLM engine."""

import sys

import pytest

from tests.fakes import fake_tools
from ticketflow.adapters.chat_model import build_options, build_spec, check_chat_model
from ticketflow.adapters.tools import add_chat_model
from ticketflow.engines.llm.classifier import LlmClassifier
from ticketflow.engines.llm.models import ModelSpec
from ticketflow.errors import ConfigurationError
from ticketflow.services.views import sum_usage
from ticketflow.settings import Settings


def test_without_a_setting_there_is_no_model():
    tools = fake_tools()

    check_chat_model(Settings())

    assert add_chat_model(tools, Settings()) is tools


def test_a_model_on_a_server_of_ones_own_is_opened_and_not_called():
    settings = Settings(llm="openai:any", llm_base_url="http://127.0.0.1:9/v1", llm_api_key="secret-key")

    tools = add_chat_model(fake_tools(), settings)

    assert isinstance(tools.classifier, LlmClassifier)


def test_only_the_steps_named_ask_the_model(monkeypatch):
    monkeypatch.setenv("TICKETFLOW_LLM_STEPS", "draft, review")
    settings = Settings(llm="openai:any", llm_api_key="secret-key")
    embedded = fake_tools()

    tools = add_chat_model(embedded, settings)

    assert tools.classifier is embedded.classifier
    assert tools.writer is not embedded.writer


def test_an_unknown_step_is_refused():
    with pytest.raises(ValueError, match="llm_steps"):
        Settings(llm_steps="draft,dream")


@pytest.mark.parametrize("name", ["nobody:model", "just-a-name-nobody-knows"])
def test_an_unknown_provider_is_refused_at_start(name):
    with pytest.raises(ConfigurationError, match="TICKETFLOW_LLM"):
        check_chat_model(Settings(llm=name, llm_api_key="secret-key"))


def test_a_missing_key_is_refused_at_start(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(ConfigurationError, match="TICKETFLOW_LLM: openai:any cannot be opened"):
        check_chat_model(Settings(llm="openai:any"))


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'ticketflow\[llm\]'"):
        check_chat_model(Settings(llm="openai:any"))


def test_the_key_is_shown_nowhere():
    settings = Settings(llm="openai:any", llm_api_key="secret-key")
    spec = build_spec(settings, "openai:any")

    assert spec.api_key == "secret-key"
    assert "secret-key" not in f"{settings!r} {spec!r} {spec}"


def test_limits_are_kept_by_provider_and_server():
    assert ModelSpec("openai:a").provider == ModelSpec("openai:b").provider == "openai"
    assert ModelSpec("openai:a", "http://one/v1").provider != ModelSpec("openai:a", "http://two/v1").provider


def test_prices_become_costs():
    options = build_options(Settings(llm_input_usd_per_million=2, llm_output_usd_per_million=8))

    assert options.price(1000, 500) == 0.006


def test_a_tickets_usage_is_the_sum_of_its_steps():
    said = {"input_tokens": 100, "output_tokens": 10, "cost_usd": 0.5}

    assert sum_usage([said, said]) == {"input_tokens": 200, "output_tokens": 20, "cost_usd": 1.0}
