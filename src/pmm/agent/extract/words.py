"""Word lists. Each is read by one rule; they err on the side of extracting nothing."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


WEEKDAYS_AND_MONTHS = _set(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun january february"
    " march april may june"
    " july august september october november december montag dienstag mittwoch donnerstag freitag samstag sonntag lundi"
    " mardi mercredi jeudi"
    " vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo christmas xmas easter thanksgiving halloween tomorrow"
    " today tonight noon morgen demain mañana"
)

# After "I'm": capitalised, and yet no name.
NOT_A_NAME = (
    _set(
        "afghan african albanian algerian american arab arabic argentine argentinian asian australian austrian basque belgian"
        " bosnian brazilian british"
        " bulgarian canadian catalan chilean chinese colombian croatian cuban czech danish dutch egyptian english estonian"
        " ethiopian european"
        " filipino finnish flemish french german greek haitian hungarian icelandic indian indonesian iranian iraqi irish"
        " israeli italian jamaican"
        " japanese jewish kenyan korean kurdish latin latino latina latvian lebanese lithuanian malaysian mexican moroccan nepali nigerian"
        " norwegian pakistani palestinian persian peruvian polish portuguese romanian russian scottish serbian sicilian slovak"
        " slovenian somali"
        " spanish sudanese swedish swiss syrian taiwanese thai tunisian turkish ukrainian uruguayan uzbek venezuelan"
        " vietnamese welsh bavarian"
        " californian texan parisian londoner berliner"
        " christian catholic protestant muslim buddhist hindu jew sikh atheist agnostic mormon orthodox democrat republican"
        " liberal conservative"
        " libertarian vegan vegetarian aries taurus gemini cancer virgo libra scorpio sagittarius capricorn aquarius pisces"
        " english-speaking bilingual autistic deaf blind dyslexic gay lesbian bi trans queer straight"
        " batman superman spider-man spiderman santa groot legend god satan jesus dracula hulk godzilla ironman"
        " home here there back done ready sure sorry fine good great ok okay well happy sad tired hungry thirsty sick ill busy"
        " late early free"
        " bored excited afraid angry glad proud lost alone awake drunk broke single married divorced pregnant retired"
        " unemployed new old young"
        " not just still so very really too all always never now also only almost currently feeling going trying looking working thinking"
        " wondering asking telling using having getting doing being making talking writing learning your my his her their our"
        " its a an the in at"
        " on off out up down from with for about of by to into over under team mr mrs ms dr sir madam mom dad mum captain ceo cto cfo hr pm"
        " it this that what who where when why how yes no thanks please hello hi hey god obviously honestly actually nothing"
        " nobody everyone"
        " someone something anyone anything whatever done."
        " paris london berlin rome madrid tokyo europe america germany france spain italy england canada mexico china india"
        " japan russia brazil"
        " adhd intj infp enfp intp entp infj enfj isfj istj estj esfj isfp istp estp esfp usa uk eu nyc la"
        " student teacher engineer developer doctor nurse lawyer programmer designer writer manager human person man woman"
    )
    | WEEKDAYS_AND_MONTHS
)

# After "your name is", "call yourself", "I'll call you": words that end the thought otherwise.
NOT_A_GIVEN_NAME = _set(
    "nice great cool good bad fine ok okay weird strange odd funny silly stupid boring beautiful pretty lovely cute sweet"
    " perfect awesome amazing"
    " terrible horrible awful hard easy difficult long short too very so really not no none nothing never always still"
    " also just only a an the"
    " my your his her its our their mine yours important unknown unclear wrong right correct true false interesting"
    " unusual unique common rare"
    " familiar taken misspelled spelled spelt pronounced written mud legion on in at from for of to with about after"
    " before by as like what who"
    " whatever something anything someone somebody anyone everybody that this it they he she we you i me back later soon"
    " again first when if"
    " while once because since unless until asap anytime whenever now then today tomorrow tonight morning evening"
    " afternoon night early late"
    " out up off over down names crazy mad lazy old-fashioned paranoid biased naive cynical selfish picky romantic"
    " skeptical sceptical curious"
    " maybe sometime sometimes tonight. every each next last another either neither lucky unlucky ready stuck changed missing confidential"
    " secret irrelevant there here being going getting cheesy generic meaningless offensive memorable catchy ugly dumb lame based derived"
    " inspired short-lived hidden public private crying collect maybe. wherever however mean bossy nosy petty jealous sentimental spoiled"
    " impatient stubborn sensitive superstitious nerdy shallow vain pessimistic optimistic ungrateful insane delusional schön nett gut toll"
    " cool hübsch später zurück morgen heute gleich joli beau belle bien plus tard demain bonito bueno bien luego mañana difficile difícil"
)

FIRST_NAMES = _set(
    "aaron abby abigail adam adrian alan albert alex alexander alexandra alice alicia alison amanda amelia amy ana andrea"
    " andreas andrew andy"
    " angela anita anna anne annie anthony antoine anton antonio arthur barbara ben benjamin bernd beth bob bobby brandon brian bruno carl"
    " carla carlos carmen carol caroline catherine charles charlie charlotte chloe chris christina christine christoph"
    " christopher claire clara"
    " claudia connor craig daniel daniela danny dave david debbie deborah dennis diana diego dominik donna dylan edward"
    " elena elizabeth ella"
    " ellen emily emma eric erik ethan eva felix fernando florian francesca francis francisco franz fred gabriel gary"
    " george gerald gordon greg"
    " gregory hannah hans harry heather heidi helen helena henry hugo ian igor irene isabel isabella ivan jack jackie"
    " jacob jake james jamie jan"
    " jane janet jason javier jean jeff jeffrey jennifer jenny jeremy jerry jessica jim jimmy joan joe joel johan johanna"
    " john johnny jon jonas"
    " jonathan jordan jorge jose josé joseph josh joshua juan judith judy julia julian julie jürgen karen karl kate"
    " katharina katherine kathy"
    " katie keith kelly ken kevin kim kyle lara larry laura lauren lena leo leon liam lily linda lisa lucas lucy luis"
    " luisa luke lukas manuel"
    " marco marcus margaret maria marie marina mario martin martha mary mateo matt matteo matthew max maya megan mia"
    " michael michelle miguel"
    " mike mila mohammed monica nadia natalie nathan neil nicholas nick nicole nina noah nora oliver olivia oscar pablo"
    " pamela patricia patrick"
    " paul paula pedro peter phil philip philipp pierre rachel ralph raul rebecca richard robert roberto robin roger"
    " ronald rosa rosie ruth ryan"
    " sabine sally sam samantha samuel sandra sara sarah scott sean sebastian sergio sharon simon sofia sophia sophie"
    " stefan stefanie stella"
    " stephanie stephen steve steven stuart susan susanne sven tanya teresa thomas tim timothy tina tobias todd tom tommy tony tyler ursula"
    " valerie vanessa veronica vera victor victoria vincent walter wendy werner william wolfgang xavier yuki yvonne zac zach zoe zoë"
)

# -- promises

STRONG = _set(
    "send email e-mail mail text message call phone ring draft finish complete submit deliver return repay buy book"
    " reserve schedule prepare review"
    " fix repair clean wash water feed renew update upload forward print register apply arrange organise organize contact"
    " invite publish install"
    " deploy implement refactor document backup transfer refund donate scan bake mow vacuum notify write pay cancel bring sign ship paint"
    " proofread translate remind file rewrite edit test report ensure measure charge replace"
)
# Verbs that promise nothing even with a date: states, opinions, turns of phrase, what merely happens to one.
NEVER_PROMISED = _set(
    "be see need want have know feel like love hate miss think believe understand guess bet wait hope wish probably maybe"
    " never always not wonder"
    " assume suppose admit say turn become grow get-older lose win die live survive manage sleep dream rain fall remain"
    " seem appear arrive land"
    " fly travel depart leave stay enjoy regret remember recall consider imagine pretend expect suffer struggle owe own"
    " belong pass take-it try"
    " attempt hopefully perhaps possibly likely presumably rather eventually someday hardly mind trust doubt prefer worry"
    " laugh cry freeze starve"
    " age retire graduate celebrate begin end fail forgive forget earn receive inherit hear notice realise realize end gonna soon sometimes"
    " usually often either neither only spare rephrase repeat clarify elaborate can could must should would might may used and or the a an"
    " it that this there hit deal benefit wager gamble venture argue concede grant confess agree disagree accept settle"
    " reckon wake wear marry dress smell sweat shine blush grin smile scream faint shiver crash explode vomit faint"
    " pick-one"
)
HEDGING_ADVERBS = _set(
    "probably maybe perhaps possibly likely hopefully never always not presumably eventually someday hardly rather only"
    " usually sometimes often rarely either"
)
SKIPPED_ADVERBS = _set(
    "also then just definitely certainly gladly personally now quickly surely absolutely still finally immediately really"
    " even simply first happily"
    " kindly later tomorrow today tonight hereby indeed promptly again actually"
)
# What a reply announces and then does at once.
ANNOUNCED = _set(
    "explain list show describe summarise summarize outline walk help answer respond reply use provide give break go start"
    " keep note do make"
    " continue cover focus share present discuss demonstrate illustrate talk tell write draft translate add include leave"
    " take let assist guide"
    " address refer analyse analyze compare convert fix correct check look call speak adjust stick work aim stand read think offer suggest"
    " proceed switch avoid ask rewrite edit produce generate create put set implement test calculate compute search find"
    " format point review"
    " refactor document complete finish prepare update ensure print paint measure return replace report cancel order bring file deliver"
)
PROMISED_IN_REPLY = _set("send email message notify ping remind")

# -- rules

VERBS = _set(
    "accept acknowledge act add address agree alert analyse analyze answer apologise apologize append apply approve argue"
    " ask assume attach avoid"
    " back base be begin bold boost break bring bullet calculate call capitalise capitalize challenge change chat check"
    " cite claim clarify clean close"
    " code comment commit communicate compare complain complete compliment confirm consider consult continue contradict"
    " convert copy correct count"
    " create criticise criticize cut curse debate default define delete deploy describe detail disagree disclose discuss display divide do"
    " double-check draft edit emphasise emphasize encourage end ensure exaggerate execute expand explain express fabricate"
    " fake finish flag flatter"
    " focus follow forget format gender generate give go greet guess handle help hedge highlight hide identify ignore"
    " imply include indent infer"
    " inform insert insist insult interpret interrupt introduce invent italicise joke judge justify keep label lecture let"
    " lie limit link list listen"
    " log look make mark mention mimic mix moralise moralize name nag name-drop narrate note notify number obey offer omit"
    " open order output"
    " overexplain paraphrase parrot patronise patronize phrase point polish post praise preach predict prefer prefix"
    " present pretend print prioritise"
    " prioritize proceed produce promise prompt proofread propose provide push put quote question rate read reason"
    " recommend refer reference"
    " reformat refuse remember remind render repeat rephrase reply report resolve respond respect return reveal review"
    " rewrite rhyme round run"
    " save say schedule scold search send share shorten show shout sign simplify skip sound speak specify spell split"
    " start state stay stick stop store"
    " structure suggest sum summarise summarize support suppose swear swap tag take talk teach tell test thank think track"
    " translate treat trust"
    " try type underline update use validate verify wait warn welcome wish work worry wrap write yell assist lead sort"
    " contact quiz sugarcoat"
    " spoil start finish finish tease mock swear vary stop bother waste rush lock"
)
BROAD_VERBS = VERBS | _set(
    "buy eat drink drive walk wear wash feed open close leave turn clean carry pack charge lock watch water visit cook"
    " sell trade invest invite order"
)
PROVERBS = (
    "say never",
    "mind",
    "give up",
    "look a gift horse",
    "judge a book",
    "look on the bright side",
    "look back",
    "let me down",
    "let go",
    "stop learning",
    "stop dreaming",
    "stop believing",
    "trust a",
    "forget where",
    "forget that",
    "forget this",
    "forget you",
    "forget him",
    "forget her",
    "forget how",
    "forget it",
    "read the comments",
    "count your chickens",
    "be yourself",
    "meet your heroes",
    "underestimate",
    "be the bridesmaid",
    "work with children",
    "bite the hand",
    "put off until tomorrow",
    "change a winning team",
)
SENTIMENTS = frozenset(
    (
        "change",
        "leave",
        "leave me",
        "stop",
        "forget",
        "quit",
        "change again",
        "do that again",
        "talk to me again",
        "say that again",
        "do it again",
        "do this again",
        "do it",
        "do that",
    )
)
SUPERSEDING_VERBS = _set("answer reply respond write speak talk communicate")
LANGUAGES = _set(
    "english french german spanish italian portuguese dutch polish russian chinese japanese korean turkish arabic swedish"
    " danish norwegian greek latin"
)
