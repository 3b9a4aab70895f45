// Receives Kassa's events with Node.js alone: verifies the bearer token, remembers each id together with what it does,
// ignores what is older than what it knows, and answers at once.
//
// TOKEN is the value of the sink's tokenSecretRef. PORT is where it listens, 8080 by default.
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const token = process.env.TOKEN;
if (!token) throw new Error("TOKEN is not set: everybody would be believed");
const maxEvent = 4 << 20; // larger than any event that Kassa delivers, in bytes

const hash = (text) => createHash("sha256").update(text).digest();
const wanted = hash(`Bearer ${token}`);
const trusted = (request) => timingSafeEqual(hash(request.headers.authorization ?? ""), wanted);

// The application's database. What one call of apply does is one transaction there: the id with the change.
const seen = new Set();
const access = new Map(); // by subscription

function apply(event) {
  if (seen.has(event.id)) return;
  seen.add(event.id);
  const known = access.get(event.subject);
  if (!event.type.startsWith("dev.kassa.subscription.")) return;
  if (known && Date.parse(event.time) < Date.parse(known.asOf)) return;
  const { customer, subscription } = event.data;
  access.set(event.subject, {
    user: customer?.userID ?? known?.user,
    plan: subscription?.plan ?? known?.plan,
    status: subscription?.status ?? known?.status,
    asOf: event.time,
  });
}

async function read(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > maxEvent) throw new Error("too large");
    chunks.push(chunk);
  }
  const event = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  if (typeof event?.id !== "string" || typeof event.type !== "string") throw new Error("no CloudEvent");
  return event;
}

async function answer(request, response) {
  if (request.method === "GET" && request.url === "/access") {
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify(Object.fromEntries(access)));
  }
  if (request.method !== "POST" || request.url !== "/billing") return response.writeHead(404).end();
  if (!trusted(request)) return response.writeHead(401).end("who are you?");
  try {
    apply(await read(request)); // what takes longer, such as an email, begins after the answer
  } catch {
    return response.writeHead(400).end("no CloudEvent");
  }
  return response.writeHead(204).end();
}

createServer(answer).listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
