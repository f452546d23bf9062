"""Names of renders: templates, safe on every system, and what happens where a name is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.naming import (
    DEFAULT_TEMPLATE,
    EXAMPLE,
    FIELDS,
    MOST_BYTES,
    RESERVED,
    check_template,
    expand,
)


@pytest.mark.parametrize(
    ("template", "values", "name"),
    [
        (DEFAULT_TEMPLATE, {"stem": "bird", "render": "dream"}, "bird_dream"),
        ("{n} {class} {render}", {"n": "007", "class": "Hi-hat", "render": "x"}, "007 Hi-hat x"),
        ("{catid}_{fxname}_{creator}_{source}_{render}", EXAMPLE,
         "BELLMisc_Dreamed Whistle_ME_DREAMS_dream"),
        ("{stem}_{preset}_{render}", {"stem": "a", "render": "dream"}, "a_dream"),
        ("{preset}_{stem}", {"stem": "a"}, "_a"),
        ("{stem}-{layer}", {"stem": "a", "layer": "layer7/relu"}, "a-layer7-relu"),
        ("{stem}", {"stem": 'a:b*c?"d"<e>|f\\g/h\n\0'}, "a-b-c--d--e--f-g-h--"),
        ("{stem}", {"stem": "con"}, "_con"),
        ("{stem}", {"stem": "LPT1.take"}, "_LPT1.take"),
        ("{stem}", {"stem": "..."}, "render"),
        ("{stem}", {"stem": "name. "}, "name"),
        ("{stem}\udfff", {"stem": "a\ud800b"}, "a-b-"),
        ("{stem}_{render}", {"stem": "夜", "render": "dream"}, "夜_dream"),
    ],
)  # fmt: skip
def test_a_template_is_filled(template: str, values: dict[str, str], name: str) -> None:
    assert expand(template, values) == name


@pytest.mark.parametrize(
    ("template", "several", "words"),
    [
        ("{stm}_{render}", True, "unknown field {stm}. Did you mean {stem}"),
        ("{stem}", True, "several renders would have the same name"),
        ("{stem", False, "unmatched brace in"),
        ("a/{stem}", False, "contains a folder"),
        ("..\\{stem}", False, "contains a folder"),
        (" . ", False, "the template is empty"),
        ("{}", False, "unknown field {}"),
    ],
)
def test_a_template_that_cannot_name_is_reported(template: str, several: bool, words: str) -> None:
    with pytest.raises(RecipeError) as raised:
        check_template(template, several)
    assert words in str(raised.value)


#: Also lone surrogates, as JSON can hold them.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=300)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, TEXTS)))
def test_whatever_comes_the_name_is_safe_everywhere(values: dict[str, str]) -> None:
    template = "_".join(f"{{{name}}}" for name in FIELDS)
    check_template(template, True)
    name = expand(template, values)
    assert name
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert name == name.strip(" ")
    assert not name.startswith(".")
    assert len(name.encode()) <= MOST_BYTES
    assert not RESERVED.match(name)
