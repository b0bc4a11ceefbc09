// Serves the store in a folder, as far as others can tell, until its input ends.
import { ServingMark } from '../../../../src/core/bundled/gc/serving.ts'

const mark = await ServingMark.put(process.argv[2] ?? '')
process.stdout.write('serving\n')
process.stdin.resume().once('end', () => void mark.remove())
