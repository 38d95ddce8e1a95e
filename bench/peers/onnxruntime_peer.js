// SPDX-License-Identifier: LGPL-2.1-or-later
// onnxruntime's CPU provider as a peer: node onnxruntime_peer.js MODULE THREADS MODEL.onnx WIDTH HEIGHT INPUT LOGITS
// MODULE is the folder of onnxruntime-node; the other arguments and the output are torch_peer.py's.
'use strict';
const fs = require('fs');
const readline = require('readline');

async function main() {
    const [folder, threads, model, width, height, source, target] = process.argv.slice(2);
    const ort = require(folder);
    const version = JSON.parse(fs.readFileSync(`${folder}/package.json`)).version;
    const bytes = fs.readFileSync(source);
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const feeds = {input: new ort.Tensor('float32', values, [1, 3, Number(height), Number(width)])};
    const session = await ort.InferenceSession.create(model, {
        executionProviders: ['cpu'],
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        intraOpNumThreads: Number(threads),
        interOpNumThreads: 1,
        logSeverityLevel: 3,
    });

    async function timed() {
        const start = process.hrtime.bigint();
        const results = await session.run(feeds);
        return [Number(process.hrtime.bigint() - start) / 1e6, results.logits.data];
    }

    let logits;
    for (let i = 0; i < 5; i++)
        [, logits] = await timed();
    fs.writeFileSync(target, Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength));
    console.log(JSON.stringify({name: `onnxruntime ${version}, CPU`, precision: 'fp32'}));
    for await (const line of readline.createInterface({input: process.stdin})) {
        const times = [];
        await timed();
        for (let i = 0; i < Number(line); i++)
            times.push((await timed())[0]);
        console.log(JSON.stringify(times));
    }
}

main().catch((error) => {
    console.error(error.message);
    process.exit(1);
});
