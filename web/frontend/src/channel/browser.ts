/** The channel's client with the browser's own WebSocket, clock and timers. */
import { ChannelClient, channelUrl, type Socket } from "./client";
import { requestTicket, verdictOf } from "./ticket";

/** A client for `meeting`; `csrf` is the token that the page was given for requests by script. */
export function openChannel(meeting: string, csrf: string): ChannelClient {
  const client = new ChannelClient({
    connect: (): Socket => new WebSocket(channelUrl(meeting, location)),
    now: () => performance.now(),
    random: Math.random,
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    verdict: async () => verdictOf(await requestTicket((...args) => fetch(...args), meeting, csrf)),
  });
  addEventListener("online", () => client.hurry());
  return client;
}
