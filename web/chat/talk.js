// The run that is under way: asked or followed, stopped, and written into its turn.

import { announce } from "./announcer.js";
import { ask, EndedEarly, follow } from "./agui.js";
import { apply, ofLog } from "./conversation.js";
import { cancelRun, Refused, turn as loggedTurn } from "./server.js";
import { spoken } from "./turn.js";
import { words } from "./words.js";

/** How long a stopped run may take to say its last words. */
const STOP_WAIT_MS = 1500;
const NOT_FOUND = 404;

let running = null;

/** Whether a run is under way in this page. */
export const isRunning = () => Boolean(running);

/**
 * Asks the question of a turn, or follows its run when `isUnderWay`, to its end. `draw` is called when something came, and
 * `started` once the server has the run.
 */
export async function carry(turn, { props, isUnderWay = false, draw, started }) {
  const controller = new AbortController();
  const mine = { turn, controller };
  running?.controller.abort();
  running = mine;
  const onBreak = (lost) => {
    turn.lost = lost;
    draw(turn);
  };
  const given = { runId: turn.runId, signal: controller.signal, onBreak };
  try {
    const events = isUnderWay ? follow(given) : ask({ ...given, threadId: turn.threadId, content: turn.question, props });
    for await (const event of events) {
      apply(turn, event);
      if (event.type === "RUN_STARTED") started?.();
      draw(turn);
    }
  } catch (error) {
    await broken(turn, { error, mine });
  }
  turn.lost = false;
  const isMine = running === mine;
  if (isMine) running = null;
  if (isMine && turn.state !== "running") announce(spoken(turn));
  draw(turn);
}

/** Lets the run go on by itself, because the page turns to another conversation. */
export function leave() {
  const left = running;
  running = null;
  left?.controller.abort();
}

/** Stops the run: the server first, which then tells its end, and the connection when it does not. */
export async function stop() {
  const stopped = running;
  if (!stopped) return;
  stopped.isStopped = true;
  const patience = setTimeout(() => stopped.controller.abort(), STOP_WAIT_MS);
  stopped.controller.signal.addEventListener("abort", () => clearTimeout(patience));
  await cancelRun(stopped.turn.runId).catch(() => stopped.controller.abort());
}

async function broken(turn, { error, mine }) {
  if (mine.isStopped) {
    turn.state = "stopped";
    return;
  }
  // Whoever left does not look at this turn any more, and the server goes on with it.
  if (mine.controller.signal.aborted) return;
  if (turn.isLogged && (await caughtUp(turn, error))) return;
  turn.state = "failed";
  turn.error = failure(error);
  // The server may have gone on with it, so that it is looked for before it is asked once more.
  turn.isLost = turn.isLogged && (error instanceof EndedEarly || error instanceof TypeError);
}

// The events of a run are kept for a while, its outcome for as long as the thread.
async function caughtUp(turn, error) {
  if (!(error instanceof EndedEarly) && error.status !== NOT_FOUND) return false;
  const row = await loggedTurn(turn.runId).catch(() => null);
  if (!row || row.state === "running") return false;
  const { searches, rewritten } = turn;
  Object.assign(turn, ofLog(row, turn.threadId));
  if (searches.length) Object.assign(turn, { searches, rewritten });
  return true;
}

function failure(error) {
  if (error instanceof Refused) return error.message;
  if (error instanceof EndedEarly) return words.endedEarly;
  if (error instanceof TypeError) return words.unreachable;
  return String(error.message ?? error);
}
