"""Microsoft's AG-UI client against a running server: the answer, and the annotations that it puts back on it.

python3 agui_client.py BASE_URL QUESTION EXPECTED
"""

import asyncio
import json
import sys
import urllib.request
from urllib.parse import urljoin

from agent_framework import Message
from agent_framework_ag_ui import AGUIChatClient


def must(holds, promise, detail=None):
    if not holds:
        sys.exit(f"broken promise: {promise}: {detail!r}")


def annotations_of(message):
    return [each for content in message.contents for each in (content.annotations or [])]


def slice_utf16(text, start, end):
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def strings_of(value):
    """Every string within a value of JSON."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for each in inner for text in strings_of(each)]


def check_annotations(base, answer):
    annotations = annotations_of(answer)
    must(annotations, "the answer carries annotations", answer.to_dict())
    for annotation in annotations:
        must(annotation["type"] == "citation", "an annotation is a citation", annotation)
        must(annotation["title"] and annotation["snippet"], "an annotation has a title and a snippet", annotation)
        for region in annotation["annotated_regions"]:
            must(region["type"] == "text_span", "a region is a span of text", region)
            sentence = slice_utf16(answer.text, region["start_index"], region["end_index"])
            must("[" in sentence, "a region cuts out the sentence with its marker", sentence)
        with urllib.request.urlopen(urljoin(base, annotation["url"])) as opened:
            said = json.load(opened)
        must(annotation["snippet"] in strings_of(said), "the address opens the snippet", annotation["url"])
    return len(annotations)


async def ask(client, messages):
    updates = []
    async for update in client.get_response(messages, stream=True, options={"metadata": {"thread_id": "agui-client"}}):
        updates.append(update)
    errors = [content for update in updates for content in update.contents if content.type == "error"]
    must(not errors, "the run does not fail", errors)
    return updates


async def conversation(base, question, expected):
    async with AGUIChatClient(endpoint=urljoin(base, "/api/agent")) as client:
        asked = [Message(role="user", contents=[question])]
        whole = await client.get_response(asked, options={"metadata": {"thread_id": "agui-client-whole"}})
        answer = whole.messages[-1]
        must(answer.role == "assistant" and expected in answer.text, f"the answer contains {expected}", answer.text)
        must("[1]" in answer.text, "the answer carries its marker", answer.text)
        found = check_annotations(base, answer)
        calls = [content for message in whole.messages for content in message.contents if content.type == "function_call"]
        must([call.name for call in calls] == ["search"], "the search is a call of the function search", calls)

        updates = await ask(client, asked)
        streamed = "".join(update.text for update in updates if update.text)
        must(expected in streamed, "a stream says the answer, too", streamed)
        must(updates[-1].finish_reason == "stop", "the last update says that the answer is whole", updates[-1].to_dict())

        # The second turn sends back everything that the first one gave, function calls and results included.
        again = [*asked, *whole.messages, Message(role="user", contents=[question])]
        second = await client.get_response(again, options={"metadata": {"thread_id": "agui-client-whole"}})
        must(expected in second.messages[-1].text, "the second turn is answered", second.messages[-1].text)
        return found


def main(base, question, expected):
    found = asyncio.run(conversation(base, question, expected))
    print(json.dumps({"annotations": found}))


main(*sys.argv[1:])
