// Where the page is: the thread and the citation in its address, so that links open them and Back goes back.

const CITATION = /^#(cit_[0-9a-f]{24})$/;

/** What the address names. */
export function here() {
  const thread = new URL(location.href).searchParams.get("thread");
  return { thread, citation: CITATION.exec(location.hash)?.[1] ?? null };
}

/** The address of a thread, or of one of its citations. */
export function linkTo({ thread, citation }) {
  const url = new URL(document.baseURI);
  url.search = thread ? `?thread=${encodeURIComponent(thread)}` : "";
  url.hash = citation ?? "";
  return url.href;
}

/** Goes to another thread, so that Back comes back to this one. */
export function goTo(thread) {
  if (here().thread !== thread || here().citation) history.pushState(null, "", linkTo({ thread }));
}

/** Says in the address which citation is open, or that none is. */
export function showCitation(citation) {
  if (here().citation === citation) return;
  history.replaceState(history.state, "", linkTo({ thread: here().thread, citation }));
}
