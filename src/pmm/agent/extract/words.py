"""Word lists. Each is read by one rule; they err on the side of extracting nothing."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


WEEKDAYS_AND_MONTHS = _set(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun january february march"
    " april may june july august september october november december montag dienstag mittwoch donnerstag freitag samstag sonntag"
    " lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo christmas xmas easter"
    " thanksgiving halloween tomorrow today tonight noon morgen demain mañana"
)

# After "I'm": capitalised, and yet no name.
NOT_A_NAME = (
    _set(
        "afghan african albanian algerian american arab arabic argentine argentinian asian australian austrian basque belgian bosnian"
        " brazilian british bulgarian canadian catalan chilean chinese colombian croatian cuban czech danish dutch egyptian english"
        " estonian ethiopian european filipino finnish flemish french german greek haitian hungarian icelandic indian indonesian iranian"
        " iraqi irish israeli italian jamaican japanese jewish kenyan korean kurdish latin latino latina latvian lebanese lithuanian"
        " malaysian mexican moroccan nepali nigerian norwegian pakistani palestinian persian peruvian polish portuguese romanian russian"
        " scottish serbian sicilian slovak slovenian somali spanish sudanese swedish swiss syrian taiwanese thai tunisian turkish"
        " ukrainian uruguayan uzbek venezuelan vietnamese welsh bavarian californian texan parisian londoner berliner lutheran baptist"
        " methodist presbyterian anglican evangelical quaker amish jain taoist pagan wiccan calvinist unitarian pentecostal mennonite"
        " shia sunni sufi zoroastrian christian catholic protestant muslim buddhist hindu jew sikh atheist agnostic mormon orthodox"
        " democrat republican liberal conservative libertarian vegan vegetarian aries taurus gemini cancer virgo libra scorpio"
        " sagittarius capricorn aquarius pisces english-speaking bilingual autistic deaf blind dyslexic gay lesbian bi trans queer"
        " straight spartacus pro batman superman spider-man spiderman right nice perfect clean santa groot legend god satan jesus"
        " dracula hulk godzilla ironman home here there back done ready sure sorry fine good great ok okay well happy sad tired hungry"
        " thirsty sick ill busy late early free bored excited afraid angry glad proud lost alone awake drunk broke single married"
        " divorced pregnant retired unemployed new old young not just still so very really too all always never now also only almost"
        " currently feeling going trying looking working thinking wondering asking telling using having getting doing being making"
        " talking writing learning your my his her their our its a an the in at on off out up down from with for about of by to into"
        " over under team mr mrs ms dr sir madam mom dad mum captain ceo cto cfo hr pm it this that what who where when why how yes no"
        " thanks please hello hi hey obviously honestly actually nothing nobody everyone someone something anyone anything whatever"
        " done. paris london berlin rome madrid tokyo europe america germany france spain italy england canada mexico china india japan"
        " russia brazil adhd intj infp enfp intp entp infj enfj isfj istj estj esfj isfp istp estp esfp usa uk eu nyc la student teacher"
        " engineer developer doctor nurse lawyer programmer designer writer manager human person man woman"
    )
    | WEEKDAYS_AND_MONTHS
)

# After "your name is", "call yourself", "I'll call you": words that end the thought otherwise.
NOT_A_GIVEN_NAME = _set(
    "nice great cool good bad fine ok okay weird strange odd funny silly stupid boring beautiful pretty lovely cute sweet perfect awesome"
    " amazing terrible horrible awful hard easy difficult long short too very so really not no none nothing never always still also just"
    " only a an the my your his her its our their mine yours important unknown unclear wrong right correct true false interesting unusual"
    " unique common rare familiar taken misspelled spelled spelt pronounced written mud legion on in at from for of to with about after"
    " before by as like what who whatever something anything someone somebody anyone everybody that this it they he she we you i me back"
    " later soon again first when if while once because since unless until asap anytime whenever now then today tomorrow tonight morning"
    " evening afternoon night early late out up off over down names crazy mad lazy old-fashioned paranoid biased naive cynical selfish"
    " picky romantic skeptical sceptical curious maybe sometime sometimes tonight. every each next last another either neither lucky"
    " unlucky ready stuck changed missing confidential secret irrelevant there here being going getting cheesy generic meaningless"
    " offensive memorable catchy ugly dumb lame based derived inspired short-lived hidden public private crying collect maybe. wherever"
    " however mean bossy nosy petty jealous sentimental spoiled impatient stubborn sensitive superstitious nerdy shallow vain pessimistic"
    " optimistic ungrateful insane delusional schön nett gut toll hübsch später zurück morgen heute gleich joli beau belle bien plus tard"
    " demain bonito bueno luego mañana difficile difícil"
)

FIRST_NAMES = _set(
    "jules aaron abby abigail adam adrian ahmed aisha alan albert alex alexander alexandra ali alice alicia alison amanda amelia amelie"
    " amir amy amélie ana anastasia andrea andreas andrew andré andy angela angus anita anja anna anne annie annika anthony antje antoine"
    " anton antonio arjun arthur astrid axel aylin barbara beatriz ben benjamin bernd beth bettina birgit björn bob bobby brandon brian"
    " bridget brigitte bruno béatrice camila camille carl carla carlos carlotta carmen carol caroline catherine cecilia charles charlie"
    " charlotte chiara chloe chloé chris christina christine christoph christopher ciara claire clara claudia clémence connor cordula"
    " craig cédric céline damien daniel daniela danny dave david debbie deborah delphine denise dennis diana diego dieter dirk dmitri"
    " dolores dominik donna dorothea dylan edward eileen eleanor elena elias elif elisa eliza elizabeth ella ellen eloise emilia emilio"
    " emily emma enrique eric erik ernst esther ethan eugene eva fatima felix fernando fiona florian francesca francis francisco frank"
    " franz françois françoise fred frederik frida friederike fritz gabriel gabriela gary gaëlle georg george georgia gerald gerd giovanni"
    " gisela giulia gloria gordon greg gregory guillaume guillermo gustavo günter hana hannah hans harry hassan heather heidi heike heinz"
    " helen helena henri henrik henry herbert holger hugo hussein ian ibrahim ignacio igor ines inga ingo ingrid inès irene irina isabel"
    " isabella isabelle ismail ivan iván jack jackie jacob jake james jamie jan jane janet jasmin jason javier jean jeff jeffrey jennifer"
    " jenny jens jeremy jerry jessica jim jimmy joachim joan joana joaquin joaquín jochen joe joel johan johanna john johnny jon jonah"
    " jonas jonathan jordan jorge jose joseph josh joshua josé juan judith judy jule julia julian julie jérôme jörg jürgen karen karl kate"
    " katharina katherine kathrin kathy katie katja katrin keith kelly ken kerstin kevin khalid kim klara klaus konrad kristin kurt kyle"
    " lara larry laura lauren leila lena leo leon leonie leticia liam lily lina linda lisa lorenzo lotte louis louise luc luca lucas lucie"
    " lucy lucía luigi luis luisa lukas luke lydia maeve magdalena manon manuel marcel marcela marco marcus margaret margot maria mariana"
    " marie marina mario marlene martha martin mary mateo mateusz mathieu matt matteo matthew matthias maurice max maya megan mehmet"
    " melanie mercedes mia michael michelle miguel mike mila milan miriam mohamed mohammed monica moritz muhammad murat mustafa nadia"
    " nadine natalia natalie natasha nathalie nathan neil niamh nicholas nick nicole nils nina noah nora norbert odile olaf olga oliver"
    " olivia omar oscar oskar owen pablo pamela paolo pascal patricia patrick paul paula pauline pedro penelope peter petra phil philip"
    " philipp pierre pilar priya rachel rafael rahul rainer ralf ralph raul ravi raúl rebecca renate renée richard robert roberto robin"
    " roger rohan roland ronald rosa rosalie rosalind rosie ruth ryan rüdiger sabine sabrina sadie sally salma sam samantha samira samuel"
    " sandra sanjay sara sarah sascha saskia scott sean sebastian sergey sergio sharon sigrid silke silvia simon simone sofia solène sonja"
    " sophia sophie stefan stefanie stefano stella stephanie stephen steve steven stuart susan susana susanne sven svenja sylvie tamara"
    " tanya tatiana teresa theo theresa thierry thomas théo tim timothy tina tobias todd tom tommy tomás tony torsten tyler ulrich ulrike"
    " ursula ute uwe valentina valeria valerie vanessa vera verena veronica victor victoria vikram viktor vincent volker walter wendy"
    " werner wiebke william wolfgang xavier xenia yannick yara yasmin yuki yusuf yvonne zac zach zainab zara zeynep zoe zoë élodie émile"
)

# -- promises

# What "I'll" promises even without a date: something is handed over, fetched or put right for somebody.
STRONG = _set(
    "send email e-mail mail text message call phone submit deliver return repay buy book reserve schedule prepare review fix repair"
    " water feed renew update upload forward register arrange organise organize contact invite publish install transfer refund"
    " donate mow vacuum notify pay cancel bring proofread translate remind"
)
# With a date, these are promised too.
DEEDS = _set(
    "measure finalise finalize confirm handle show explain teach demonstrate calculate compare compile gather create design develop"
    " decorate empty examine exchange extend frame glue grill label load photograph press prune purchase refill refuel rent resubmit rinse"
    " roast scrub season separate shorten stamp store supply switch tighten unblock unload varnish weigh wipe wrap recycle configure"
    " customise deliver dismantle dispose draft evaluate file formulate inform initiate launch outsource produce propose remove rotate"
    " sand select service spray sterilise stitch strip structure supervise survey swap sync tabulate type verify quiz revisit ring finish"
    " complete clean wash print apply deploy implement refactor document backup scan bake write sign ship paint rewrite edit test report"
    " ensure replace reply meet visit read tell order practise practice study cook build attend collect fetch sell trim sort unpack pack"
    " iron dust sweep polish post publish record respond inspect investigate research join host lend hand resolve migrate upgrade patch"
    " debug assemble sew knit mend tidy hoover outline sketch rehearse revise memorise memorize recheck restart reboot archive plant"
    " cancel interview demo transcribe summarise summarize format export import enrol enroll vote"
)
# The same in other languages: at the end of what "ich werde" promises; after "je vais", "voy a"; and in the future or the present.
GERMAN_DEEDS = _set(
    "schicken senden schreiben zahlen kaufen buchen geben reichen stellen bringen reparieren überweisen melden rufen holen putzen"
    " machen erledigen backen kochen prüfen lesen waschen gießen liefern drucken unterschreiben besorgen beantworten treffen"
    " besuchen aufräumen reservieren abgeben fertigstellen kümmern erinnern"
)
ROMANCE_DEEDS = _set(
    "envoyer appeler rappeler écrire payer réserver acheter préparer finir terminer rendre apporter téléphoner nettoyer réparer"
    " rédiger relire lire corriger imprimer contacter livrer déposer poster commander régler annuler publier faire chercher visiter"
    " donner enviar mandar llamar escribir pagar reservar comprar preparar terminar acabar devolver traer llevar limpiar reparar"
    " redactar imprimir contactar entregar pedir cancelar publicar avisar hablar leer revisar hacer recoger visitar recordar dar"
)
FUTURES = frozenset(verb.removesuffix("e") + ending for verb in ROMANCE_DEEDS for ending in ("ai", "é")) | _set(
    "enverrai appellerai rappellerai ferai achèterai haré"
)
DEEDS_NOW = _set(
    "schicke sende gebe bringe schreibe überweise rufe zahle hole kaufe buche besorge erledige erinnere melde envoie apporte"
    " appelle rappelle écris mando envío llamo escribo traigo aviso"
)
HEDGING_ADVERBS = _set(
    "double probably maybe perhaps possibly likely hopefully never always not presumably eventually someday hardly rather only"
    " usually sometimes often rarely either"
)
SKIPPED_ADVERBS = _set(
    "also then just definitely certainly gladly personally now quickly surely absolutely still finally immediately really even"
    " simply first happily kindly later tomorrow today tonight hereby indeed promptly again actually"
)
# What a reply announces and then does at once.
ANNOUNCED = _set(
    "answer ask bring call cancel check complete continue cover deliver describe discuss document draft edit ensure explain file"
    " finish fix format give help implement measure order outline paint prepare present print read refactor replace report respond"
    " return review rewrite show speak summarise summarize talk tell test translate update walk write"
)
PROMISED_IN_REPLY = _set("send email message notify ping remind nudge alert")

# -- rules

VERBS = _set(
    "double accept acknowledge act add address agree alert analyse analyze answer apologise apologize append apply approve argue ask"
    " assume attach avoid back base be begin bold boost break bring bullet calculate call capitalise capitalize challenge change chat"
    " check cite claim clarify clean close code comment commit communicate compare complain complete compliment confirm consider consult"
    " continue contradict convert copy correct count create criticise criticize cut curse debate default define delete deploy describe"
    " detail disagree disclose discuss display divide do double-check draft edit emphasise emphasize encourage end ensure exaggerate"
    " execute expand explain express fabricate fake finish flag flatter focus follow forget format gender generate give go greet guess"
    " handle help hedge highlight hide identify ignore imply include indent infer inform insert insist insult interpret interrupt"
    " introduce invent italicise joke judge justify keep label lecture let lie limit link list listen log look make mark mention mimic mix"
    " moralise moralize name nag name-drop narrate note notify number obey offer omit open order output overexplain paraphrase parrot"
    " patronise patronize phrase point polish post praise preach predict prefer prefix present pretend print prioritise prioritize proceed"
    " produce promise prompt proofread propose provide push put quote question rate read reason recommend refer reference reformat refuse"
    " remember remind render repeat rephrase reply report resolve respond respect return reveal review rewrite rhyme round run save say"
    " schedule scold search send share shorten show shout sign simplify skip sound speak specify spell split start state stay stick stop"
    " store structure suggest sum summarise summarize support suppose swear swap tag take talk teach tell test thank think track translate"
    " treat trust try type underline update use validate verify wait warn welcome wish work worry wrap write yell assist lead sort contact"
    " quiz sugarcoat spoil tease mock vary bother waste rush lock"
)
BROAD_VERBS = VERBS | _set(
    "buy eat drink drive walk wear wash feed open close leave turn clean carry pack charge lock watch water visit cook sell trade"
    " invest invite order"
)
PROVERBS = (
    "say never",
    "say die",
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
    "remember who",
    "remember where",
    "remember what",
    "remember how",
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
        "mention it",
        "mention that",
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
    "english french german spanish italian portuguese dutch polish russian chinese mandarin cantonese japanese korean turkish arabic"
    " swedish danish norwegian finnish icelandic greek latin hindi urdu bengali tamil punjabi hebrew persian farsi ukrainian czech slovak"
    " hungarian romanian bulgarian serbian croatian catalan basque welsh irish gaelic swahili vietnamese thai indonesian malay tagalog"
)

# -- facts


def _table(pairs: str) -> dict[str, str]:
    """ "noun: word word; noun: word": each word to its noun."""
    return {word.replace("_", " "): noun for noun, words in (pair.split(":") for pair in pairs.split(";")) for word in words.split()}


PETS = _set("dog cat horse rabbit hamster parrot tortoise fish bird snake")
KIN = _table(
    "wife:frau ehefrau femme mujer esposa;husband:ehemann mari marido esposo;sister:sis schwester soeur sœur hermana;brother:bro bruder"
    " frère hermano;mother:mom mum mama mutter mère madre mamá;father:dad daddy papa vater père padre papá;son:sohn fils"
    " hijo;daughter:tochter fille hija;boss:chef jefe jefa;dog:puppy pup hund chien perro;cat:kitten katze kater chat gato"
    " gata;grandmother:grandma granny oma grand-mère abuela;grandfather:grandpa opa grand-père abuelo;uncle:onkel oncle tío;aunt:auntie"
    " tante tía;best_friend:best_friend;flatmate:roommate flatmate;horse:pony pferd cheval"
    " caballo;neighbour:neighbor;fiancée:fiancee;fiancé:fiance"
) | {
    word: word
    for word in _set(
        "wife husband sister brother mother father son daughter boss dog cat partner girlfriend boyfriend fiancé fiancée spouse"
        " grandmother grandfather uncle aunt cousin nephew niece neighbour manager stepmother stepfather stepson stepdaughter"
        " stepbrother stepsister therapist landlord mother-in-law father-in-law sister-in-law brother-in-law grandson granddaughter baby"
    )
    | PETS
}
KIN = {word: noun.replace("_", " ") for word, noun in KIN.items()}

DIETS = _table(
    "vegetarian:vegetarian veggie vegetarier vegetarierin végétarien végétarienne vegetariano vegetariana vegetarisch;vegan:vegan veganer"
    " veganerin végan végane végétalien végétalienne vegano vegana;pescatarian:pescatarian pescetarian;flexitarian:flexitarian"
)
JOBS = _set(
    "nurse teacher doctor lawyer engineer developer programmer designer writer journalist accountant architect chef cook baker"
    " barista waiter waitress bartender carpenter plumber electrician mechanic pilot dentist pharmacist surgeon psychologist"
    " psychiatrist therapist scientist physicist chemist biologist geologist historian librarian translator interpreter editor"
    " photographer musician painter sculptor actor actress dancer singer farmer gardener fisherman firefighter policeman policewoman"
    " detective soldier veterinarian vet paramedic midwife physiotherapist radiologist cardiologist paediatrician pediatrician"
    " professor lecturer researcher analyst consultant economist statistician mathematician salesman saleswoman cashier receptionist"
    " secretary assistant hairdresser barber tailor butcher florist beekeeper welder roofer bricklayer optician optometrist"
    " radiographer judge solicitor barrister notary paralegal banker trader broker auditor actuary recruiter marketer copywriter"
    " freelancer contractor technician administrator sysadmin tester locksmith postman courier janitor cleaner nanny babysitter"
    " childminder tutor coach trainer referee priest pastor rabbi imam nun monk diplomat civil-servant servant flight-attendant"
    " conductor composer pianist violinist guitarist drummer cellist potter jeweller blacksmith winemaker brewer sommelier driver"
)
FIELDS = _set(
    "physics law medicine history chemistry biology math maths mathematics economics science sciences philosophy psychology"
    " engineering art arts architecture music literature linguistics sociology politics nursing geography astronomy statistics"
    " accounting marketing business management theology pharmacy dentistry journalism education design informatics finance"
    " anthropology archaeology classics film theatre fashion"
)
PLAYED = _set(
    "piano guitar violin cello drums flute clarinet saxophone sax trumpet trombone harp bass ukulele banjo accordion organ oboe"
    " viola harmonica keyboard keyboards recorder mandolin bagpipes chess football soccer tennis basketball volleyball badminton"
    " golf rugby cricket hockey handball baseball softball squash padel poker bridge go darts lacrosse"
) | {
    "double bass",
    "electric guitar",
    "bass guitar",
    "acoustic guitar",
    "table tennis",
    "french horn",
    "water polo",
    "ice hockey",
    "field hockey",
}
# How names of places begin that have two words.
PLACE_STARTS = _set(
    "san new los las santa saint st el la le cape hong kuala buenos rio mexico south north west east costa puerto tel sri salt"
    " united abu den port fort kansas oklahoma upper lower great"
)
# Where nobody lives, though it is said.
NO_PLACE = _set(
    "hope fear denial peace sin poverty harmony luxury squalor pain agony terror dread constant a an the my your his her their our this"
    " that it here there fantasy excel slack gmail vim emacs teams outlook photoshop discord minecraft jira chrome jupyter notion figma"
    " twitter mars venus jupiter saturn pluto narnia hogwarts krypton neverland wonderland mordor marketing accounting hr sales finance"
    " legal support engineering monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
    " september october november december department team office one two three four five sixth i we he she they you where what which every"
    " interesting exciting strange difficult uncertain different another fast-forward limbo bliss exile sweatpants pyjamas pajamas jeans"
    " flip-flops english french german spanish wonder ignorance misery solitude comfort chaos clover"
)
NO_WORKPLACE = _set(
    "moment weekend weekends night nights pace time times desk best living speed rate same level day days mornings evenings fun"
    " cause sake reason love thrill it home free myself yourself peanuts good while long charm dog horse slave well planned intended"
    " dream treat team unit couple group mule expected usual usually soon possible though if you we they i he she well. placeholder"
    " workaround reminder backup metaphor title"
)
# What "I like" is followed by when it isn't a kind of thing.
NO_THING = _set(
    "the this that these those it you him her them us me your his their our its my mine yours how what when where why who which"
    " whoever whatever to being getting having waiting paying seeing hearing knowing thinking feeling doing making watching if as an"
    " a some any all every each everything nothing everyone everybody someone something anything anyone one ones so very too more"
    " most less least better best option plan version number draft choice idea variant both neither either not no never just today"
    " tomorrow here there or and but lots lot many few lately he she they we i in on at from with about echo talking arguing"
    " repeating speaking asking saying using answering explaining"
)
NO_FAVOURITE = _set("you your this that these those it when how what where which not probably one anything whatever none unknown yet")
NO_ALLERGEN = _set(
    "question questions answer answers people meeting meetings mornings monday mondays bullshit nonsense drama commitment stupidity"
    " criticism emails politics effort failure fun change idiots fools lies silence jargon buzzwords advice exercise housework"
    " responsibility talk"
)

# -- cues

# No rule applies to a sentence that has none of these words (a fact's are below).
CUES = (
    FUTURES
    | DEEDS_NOW
    | _set(
        "list task todo do"
        " llamarme starting refrain once where vas baptise nomme sollst heißen erinnerst want need address refer moi soy suis ich bin"
        " ill dont quit every no naming calling ab adelante again alert always am amazing anymore appeler appelez appelles appreciate"
        " are arrête awesome best bien bravo brilliant call called calls christen commit committing danke deja demasiado directive"
        " directives dub dubbed désormais each entertaining erinner erinnern ever excellent fantastic forget forward fun funny future go"
        " going gonna good gracias great guarantee gut heads heisse heisst heiße heißt helpful henceforth here hilarious hör im immer"
        " instruction instructions jamais jamás kind known künftig like ll llamar llamare llamarte llamas llámame longer love lovely m"
        " max merci moment more name named names nenn nenne nennen never nice nie niemals nom nombre notify now nudge nunca onward"
        " onwards partir perfect ping pledge point prometo promets promise rappeler re recordarme recuerdame recuérdame regel regeln"
        " regla remember remind reminder rename rule rules règle shall siempre stets stop swear sweet thank thanks today too toujours"
        " trop vais verspreche vow voy well werde whenever will witty won wonderful word zu"
    )
)
# Nor, where commitments are open, one that closes them.
CLOSING_CUES = _set(
    "ai already aquí been booked bought cancel check cleaned clear commitment complete completed cross crossed delete delivered did"
    " don done drop emailed erledigt fertig finally finished fixed hab habe have he hier i ignore is just mailed mark ordered paid"
    " posted published reminders reminding remove renewed returned scrap scratch sent shipped signed skip sorted submitted task"
    " tasks tick ticked todo ve voici washed written wrote ya took made gave told brought got put read picked watered"
)
# Nor one that tells a fact.
FACT_CUES = frozenset(DIETS) | _set(
    "adopted rescued"
    " grew can cannot stand learning teach teaches ride rides intolerant near allergic allergique allergisch alérgica alérgico am"
    " appelle arbeite are based birthday born called drive drives enjoy enjoys favorita favorite favorito favourite from gezogen got"
    " habite has hate hates have heisst heißt is komme lebe lieblingsband lieblingsbuch lieblingsessen lieblingsfarbe lieblingsfilm"
    " lieblingslied lieblingsstadt lieblingstier like likes live lived lives living llama love loves m married moved name named play"
    " plays prefer prefers préféré préférée soy speak speaks studies study studying trabajo travaille ve viens vis vivo wohne work"
    " worked working works years yo yrs"
)
