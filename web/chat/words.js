// The words of the page, in English and in Korean.

const ENGLISH = {
  docs: "API",
  newChat: "New chat",
  entryNote: "adverb, Latin",
  entryMeaning: "in the same place.",
  invitation:
    "Ask your documents a question. Each claim of the answer carries the number of the passage it rests on; press the number to read that passage in its place.",
  noDocuments: "There are no documents yet. Add a folder with “ibid ingest FOLDER”, and this page will follow.",
  conversation: "Conversation",
  question: "Question",
  placeholder: "Ask your documents…",
  send: "Ask",
  stop: "Stop",
  hint: "Enter asks, Shift+Enter starts a new line.",
  hintIndexing: "Documents are still being indexed: an answer may miss some of them.",
  closeSource: "Close the source",
  sourceText: "Text of the document",
  source: "Source",
  sources: "Sources",
  page: (first, last) => (last && last !== first ? `pp. ${first}–${last}` : `p. ${first}`),
  searching: "searching",
  searchingFor: (query) => `searching: “${query}”`,
  searched: (query, count) => `searched: “${query}”, ${count} ${count === 1 ? "passage" : "passages"}`,
  searchFailed: "the search gave no result",
  why: "Why these passages?",
  whyWeights: (meaning, literal) => `For this question, meaning weighs ${meaning} and words weigh ${literal}. Each passage has its rank and its share of the score:`,
  whyWords: "words",
  whyMeaning: "meaning",
  whyTerms: "terms it has",
  writing: "Writing the answer…",
  answerReady: (count) => `The answer is ready, with ${count} ${count === 1 ? "source" : "sources"}.`,
  ungrounded: "No source: nothing in the documents supports an answer.",
  stopped: "Stopped. The answer above is not complete.",
  stoppedEarly: "Stopped before an answer began.",
  retry: "Ask again",
  openSource: (n, title) => `Source ${n}: ${title}`,
  earlier: "Earlier text",
  later: "Later text",
  loading: "Opening the document…",
  changed: "The document has changed since this answer. This is the passage as it was quoted:",
  missing: (reason) => `The document could not be opened: ${reason}. This is the passage as it was quoted:`,
  untitled: "Untitled",
  unreachable: "The server cannot be reached.",
  endedEarly: "The connection ended before the answer did.",
  statusUnknown: "server not reached",
  reading: (documents) => `reading documents, ${documents} so far…`,
  indexing: (done, all) => `indexing ${done}/${all} …`,
  ready: (documents, passages) =>
    `${documents} ${documents === "1" ? "document" : "documents"} · ${passages} ${passages === "1" ? "passage" : "passages"}`,
  failed: (count) => `${count} unreadable`,
  empty: "no documents",
};

const KOREAN = {
  docs: "API",
  newChat: "새 대화",
  entryNote: "부사, 라틴어",
  entryMeaning: "같은 곳에.",
  invitation:
    "문서에 질문해 보세요. 답의 문장마다 근거가 된 구절의 번호가 붙습니다. 번호를 누르면 그 구절을 원문에서 바로 읽을 수 있습니다.",
  noDocuments: "아직 문서가 없습니다. “ibid ingest 폴더”로 문서를 넣으면 이 화면에 나타납니다.",
  conversation: "대화",
  question: "질문",
  placeholder: "문서에 질문하기…",
  send: "질문",
  stop: "중지",
  hint: "Enter로 질문하고, Shift+Enter로 줄을 바꿉니다.",
  hintIndexing: "문서를 색인하는 중이라 답에 빠지는 문서가 있을 수 있습니다.",
  closeSource: "출처 닫기",
  sourceText: "문서 본문",
  source: "출처",
  sources: "출처",
  page: (first, last) => (last && last !== first ? `${first}–${last}쪽` : `${first}쪽`),
  searching: "검색 중",
  searchingFor: (query) => `검색 중: “${query}”`,
  searched: (query, count) => `검색: “${query}”, 구절 ${count}개`,
  searchFailed: "검색 결과를 받지 못했습니다",
  why: "왜 이 구절인가요?",
  whyWeights: (meaning, literal) => `이 질문에서는 의미를 ${meaning}, 낱말을 ${literal} 비중으로 봅니다. 구절마다 순위와 점수의 몫은 다음과 같습니다.`,
  whyWords: "낱말",
  whyMeaning: "의미",
  whyTerms: "들어 있는 낱말",
  writing: "답을 쓰는 중…",
  answerReady: (count) => `답이 준비되었습니다. 출처 ${count}개.`,
  ungrounded: "출처 없음: 문서에서 답의 근거를 찾지 못했습니다.",
  stopped: "중지했습니다. 위의 답은 끝까지 쓴 것이 아닙니다.",
  stoppedEarly: "답이 시작되기 전에 중지했습니다.",
  retry: "다시 질문",
  openSource: (n, title) => `출처 ${n}: ${title}`,
  earlier: "앞부분 더 보기",
  later: "뒷부분 더 보기",
  loading: "문서를 여는 중…",
  changed: "이 답을 쓴 뒤에 문서가 바뀌었습니다. 인용한 당시의 구절은 다음과 같습니다.",
  missing: (reason) => `문서를 열 수 없습니다: ${reason}. 인용한 당시의 구절은 다음과 같습니다.`,
  untitled: "제목 없음",
  unreachable: "서버에 연결할 수 없습니다.",
  endedEarly: "답이 끝나기 전에 연결이 끊겼습니다.",
  statusUnknown: "서버에 연결할 수 없음",
  reading: (documents) => `문서를 읽는 중, 지금까지 ${documents}개…`,
  indexing: (done, all) => `색인 중 ${done}/${all} …`,
  ready: (documents, passages) => `문서 ${documents}개 · 구절 ${passages}개`,
  failed: (count) => `읽지 못함 ${count}개`,
  empty: "문서 없음",
};

const korean = /^ko\b/i.test(navigator.language);

/** The language of the page's own words. */
export const language = korean ? "ko" : "en";

/** The words in that language. */
export const words = korean ? KOREAN : ENGLISH;

/** A whole number as the reader's language writes it. */
export const count = (number) => new Intl.NumberFormat(language).format(number);

/** The language to set a text in: Korean when it has Hangul, else not said. */
export const languageOf = (text) => (/[\uac00-\ud7a3]/.test(text) ? "ko" : "");

/** Puts the words into every element that names one in its markup. */
export function translate(root = document) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", words[element.dataset.label]);
  }
  for (const element of root.querySelectorAll("[data-placeholder]")) {
    element.placeholder = words[element.dataset.placeholder];
  }
}
