// OpenAI's client for JavaScript, streaming raw samples. Prints rate and seconds.
import OpenAI from "openai";

const [url, text] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused" });
const reply = await client.audio.speech.create({ model: "tts-1", voice: "alloy", input: text, response_format: "pcm" });
let bytes = 0;
for await (const part of reply.body) bytes += part.length;
console.log(JSON.stringify({ rate: 24000, seconds: bytes / 48000 }));
