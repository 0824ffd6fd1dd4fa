/** Goal: the bucket in memory keeps the contract, so that tests may stand on it. */
import { memoryBucket } from '../../../src/storage/memory-bucket.js'
import { bucketSuite } from './bucket-suite.js'

bucketSuite('memory', () => memoryBucket())
bucketSuite('memory where every part must be named', () => memoryBucket({ mayLeaveOutParts: false }))
