"""The official Python package of OpenAI against a running server.

python3 openai_client.py BASE_URL QUESTION EXPECTED [QUESTION EXPECTED]...
"""

import json
import re
import sys
import urllib.request

import openai


def must(holds, promise, detail=None):
    if not holds:
        sys.exit(f"broken promise: {promise}: {detail!r}")


def refused(kind, call, **expected):
    """The error that a call must raise, with its members."""
    try:
        call()
    except kind as error:
        for name, value in expected.items():
            must(getattr(error, name) == value, f"{name} of the refusal is {value}", error.body)
        must(isinstance(error.body["message"], str) and error.body["message"], "a refusal has a message", error.body)
        return
    sys.exit(f"broken promise: {kind.__name__} is raised")


def check_models(client):
    ids = [model.id for model in client.models.list()]
    must(ids == ["ibid", "ibid/default"], "the models are that of all and one a collection", ids)
    for name in ids:
        must(client.models.retrieve(name).id == name, "a listed model can be shown", name)
    refused(openai.NotFoundError, lambda: client.models.retrieve("ibid/none"), code="model_not_found")


def strings_at(url):
    """Every string of the JSON at an address."""
    with urllib.request.urlopen(url) as answer:
        waiting = [json.load(answer)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, (dict, list)):
            waiting.extend(value.values() if isinstance(value, dict) else value)


def check_answer(content, annotations, citations, expected):
    must(expected in content, f"the answer contains {expected}", content)
    must(annotations and len(annotations) == len(citations), "every citation is an annotation", annotations)
    for annotation, citation in zip(annotations, citations):
        must(annotation["type"] == "url_citation", "an annotation is a url_citation", annotation)
        told = annotation["url_citation"]
        sentence = content[told["start_index"] : told["end_index"]]
        must(f"[{citation['n']}]" in sentence, "the indexes cut out the sentence with its marker", [sentence, told])
        must(sentence == sentence.strip(), "the indexes do not reach beyond the sentence", sentence)
        must(told["title"] == citation["title"], "the title is the source's", told)
        quote = "".join(piece["text"] for piece in citation["sourceContent"])
        must(any(quote in text for text in strings_at(told["url"])), "the address opens the quote", told["url"])
    loose = set(re.findall(r"\[(\d+)\]", content)) - {str(citation["n"]) for citation in citations}
    must(not loose, "every marker has a citation", loose)


def ask(client, question, model="ibid", **more):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    return client.chat.completions.create(model=model, messages=messages, temperature=0.3, max_tokens=99, **more)


def check_whole(client, question, expected):
    answer = ask(client, question, model="ibid/default")
    must(answer.object == "chat.completion" and answer.model == "ibid/default", "the answer repeats the model", answer)
    choice = answer.choices[0]
    must(len(answer.choices) == 1 and choice.finish_reason == "stop", "there is one answer, and it is whole", answer)
    annotations = [annotation.model_dump() for annotation in choice.message.annotations]
    check_answer(choice.message.content, annotations, choice.message.ibid["citations"], expected)
    must(choice.message.ibid["grounded"] is True, "a cited answer is grounded", choice.message.ibid)
    return choice.message.content


def check_streamed(client, question, expected, whole):
    chunks = list(ask(client, question, stream=True, stream_options={"include_usage": True}))
    must(len({chunk.id for chunk in chunks}) == 1, "the chunks of an answer have one id")
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    must(deltas[0].role == "assistant", "the first delta says who speaks", deltas[0])
    content = "".join(delta.content or "" for delta in deltas)
    must(content == whole, "a stream says what the whole answer says", [content, whole])
    sourced = [delta for delta in deltas if getattr(delta, "annotations", None)]
    must(len(sourced) == 1, "one delta carries the annotations", sourced)
    must(not any(delta.content for delta in deltas[deltas.index(sourced[0]) :]), "no words follow the annotations")
    check_answer(content, sourced[0].annotations, sourced[0].ibid["citations"], expected)
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    must(reasons[-1] == "stop" and not any(reasons[:-1]), "the last chunk says that the answer is whole", reasons)


def check_refusals(client):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    unusable = openai.UnprocessableEntityError
    refused(openai.NotFoundError, lambda: ask(client, "x", model="gpt-4o"), code="model_not_found", param="model")
    refused(openai.NotFoundError, lambda: ask(client, "x", model="ibid/none"), code="model_not_found")
    refused(unusable, lambda: ask(client, "x", n=2), param="n", type="invalid_request_error", code="invalid")
    refused(unusable, lambda: ask(client, "x", tools=[tool], stream=True), param="tools")
    refused(unusable, lambda: ask(client, "x", response_format={"type": "json_object"}), param="response_format")
    refused(unusable, lambda: client.chat.completions.create(model="ibid", messages=[]), param="messages")


def main(base, *asked):
    client = openai.OpenAI(base_url=f"{base}/v1", api_key="unused", max_retries=0, timeout=60)
    check_models(client)
    check_refusals(client)
    for question, expected in zip(asked[::2], asked[1::2]):
        whole = check_whole(client, question, expected)
        check_streamed(client, question, expected, whole)
    print(json.dumps({"openai": openai.__version__, "questions": len(asked) // 2}))


main(*sys.argv[1:])
